import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createAdminServer } from './admin-server.ts';

const WELL = { isFresh: true, ageMs: 0, sandboxes: 1 };

/** What the server answers, without a connection. */
async function ready(health: typeof WELL, isStopping = false): Promise<string> {
  const meter = { exposition: () => Promise.resolve('') };
  const server = createAdminServer({ directory: { health: () => health }, meter, life: { isStopping } });
  let status = 0;
  const response = Object.assign(new PassThrough(), { writeHead: (code: number) => (status = code) });
  server.emit('request', { url: '/readyz?verbose', method: 'GET' }, response);
  const [body] = (await once(response, 'data')) as [Buffer];
  return `${status} ${(JSON.parse(body.toString()) as { readonly status: string }).status}`;
}

describe('the health of a gateway', () => {
  it('sends clients elsewhere when it stops and while it has read nothing, but not when it is stale', async () => {
    expect(await ready(WELL)).toBe('200 ready');
    expect(await ready({ ...WELL, isFresh: false, ageMs: 3_600_000 })).toBe('200 stale');
    expect(await ready({ isFresh: false, ageMs: Infinity, sandboxes: 0 })).toBe('503 unread');
    expect(await ready(WELL, true)).toBe('503 stopping');
  });
});
