import { setTimeout as pause } from 'node:timers/promises';
import type { ServerProcess } from '../../test/support/server-process.ts';
import { type Answer, ask } from './client.ts';
import { COMMAND, IMAGE } from './engine.ts';

/** What every sandbox of the benchmark asks for. */
export const BODY = { image: { uri: IMAGE }, entrypoint: COMMAND, resourceLimits: {}, timeout: 3600 };

const PING_ATTEMPTS = 2000;
const PING_PAUSE_MS = 2;

export function api(server: ServerProcess, method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = { 'OPEN-SANDBOX-API-KEY': server.apiKey, 'Content-Type': 'application/json' };
  return ask(
    method,
    `http://${server.domain}/v1${path}`,
    headers,
    body === undefined ? undefined : JSON.stringify(body),
  );
}

/** Creates a sandbox and returns its id when the server has promised it. */
export async function accepted(server: ServerProcess, body: object = BODY): Promise<string> {
  const answer = await api(server, 'POST', '/sandboxes', body);
  if (answer.status !== 202) throw new Error(answer.text);
  return (JSON.parse(answer.text) as { id: string }).id;
}

/** As an SDK does it: create, ask for the endpoint, ping until the agent answers. */
export async function usable(server: ServerProcess, body: object = BODY): Promise<string> {
  const id = await accepted(server, body);
  const answer = await api(server, 'GET', `/sandboxes/${id}/endpoints/44772`);
  if (answer.status !== 200) throw new Error(answer.text);
  const { endpoint } = JSON.parse(answer.text) as { endpoint: string };
  for (let attempt = 0; attempt < PING_ATTEMPTS; attempt += 1) {
    const ok = await ask('GET', `http://${endpoint}/ping`).then(
      (ping) => ping.status === 200,
      () => false,
    );
    if (ok) return id;
    await pause(PING_PAUSE_MS);
  }
  throw new Error('the agent never answered');
}

export async function remove(server: ServerProcess, id: string): Promise<void> {
  const answer = await api(server, 'DELETE', `/sandboxes/${id}`);
  if (answer.status !== 204) throw new Error(`DELETE ${id}: ${answer.status} ${answer.text}`);
}
