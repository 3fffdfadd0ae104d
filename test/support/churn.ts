import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
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

/** What each open file of a process is. */
export function openFilesOf(pid: number): readonly string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).map((name) => {
    try {
      return readlinkSync(join(directory, name));
    } catch {
      return 'closed meanwhile';
    }
  });
}

/** Connections are kept for the next call: as many as there were calls at once, whenever that was. */
const KEPT_CONNECTIONS = 32;
const OTHER_FILES = 2;

/** What is wrong with the open files of a process that had others before it did the same again and again. */
export function growthOf(before: readonly string[], after: readonly string[]): string | undefined {
  const [sockets, others] = [/^socket:/, /^(?!socket:)/].map((kind) => {
    const count = (files: readonly string[]): number => files.filter((file) => kind.test(file)).length;
    return count(after) - count(before);
  });
  const isFlat = (sockets ?? 0) <= KEPT_CONNECTIONS && (others ?? 0) <= OTHER_FILES;
  return isFlat
    ? undefined
    : `${sockets} more sockets and ${others} more files:\n${[...after].sort().join('\n')}`;
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
