import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holdingsOf, oneLife } from './support/churn.ts';
import { containersOf, removeAll } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';

// The short form of `npm run soak`.
describe('a server that lives long', () => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await openServer();
    await server.start();
  });

  afterAll(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
  });

  it('holds no more files after many sandboxes than after a few, and leaves no container', async () => {
    for (let life = 0; life < 5; life += 1) await oneLife(server);
    const before = holdingsOf(server.pid());
    for (let life = 0; life < 20; life += 1) await oneLife(server);
    const after = holdingsOf(server.pid());
    expect(after.files - before.files).toBeLessThanOrEqual(3);
    expect(await containersOf(server.instance)).toEqual([]);
  });
});
