import { readdirSync, readFileSync } from 'node:fs';
import type { ServerProcess } from './server-process.ts';

const BODY = {
  image: { uri: 'opensandbox-test/busybox:latest' },
  entrypoint: ['sleep', '600'],
  resourceLimits: {},
  timeout: 600,
};

/** What a process holds: open files and resident memory. */
export interface Holdings {
  readonly files: number;
  readonly memoryMiB: number;
}

export function holdingsOf(pid: number): Holdings {
  const memory = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { files: readdirSync(`/proc/${pid}/fd`).length, memoryMiB: Math.round(Number(memory) / 1024) };
}

/** One life of a sandbox, with everything a client does to it. Throws when an answer is not the expected one. */
export async function oneLife(server: ServerProcess): Promise<void> {
  const made = await server.call('POST', '/v1/sandboxes', BODY, { Prefer: 'wait=60' });
  expectStatus(made, 202);
  const path = `/v1/sandboxes/${made.json.id}`;
  const endpoint = await server.call('GET', `${path}/endpoints/44772`);
  expectStatus(endpoint, 200);
  const run = await fetch(`http://${endpoint.json.endpoint}/command`, {
    method: 'POST',
    body: '{"command":"echo alive"}',
  });
  const output = await run.text();
  if (!output.includes('"text":"alive"')) throw new Error(`the command answered ${output}`);
  expectStatus(await server.call('POST', `${path}/pause`), 202);
  expectStatus(await server.call('POST', `${path}/resume`), 202);
  const expiresAt = new Date(Date.now() + 900_000).toISOString();
  expectStatus(await server.call('POST', `${path}/renew-expiration`, { expiresAt }), 200);
  expectStatus(await server.call('PATCH', `${path}/metadata`, { round: 'x' }), 200);
  expectStatus(await server.call('GET', '/v1/sandboxes'), 200);
  expectStatus(await server.call('DELETE', path), 204);
}

function expectStatus(answer: { readonly status: number; readonly text: string }, status: number): void {
  if (answer.status !== status) throw new Error(`expected ${status}, got ${answer.status}: ${answer.text}`);
}
