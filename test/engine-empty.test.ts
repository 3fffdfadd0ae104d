import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containersOf, removeAll } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const BODY = {
  image: { uri: 'opensandbox-test/busybox:latest' },
  entrypoint: ['sleep', '600'],
  resourceLimits: {},
  timeout: 600,
};

describe('an engine that has none of the sandboxes', () => {
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

  /** The server sees only what carries its instance's name: under another name the engine is empty. */
  async function restartAs(instance: string): Promise<void> {
    await server.stop();
    const config = join(server.home, 'config.toml');
    const text = await readFile(config, 'utf8');
    await writeFile(config, text.replace(/^instance = .*$/m, `instance = "${instance}"`));
    await server.start();
  }

  it('costs no sandbox: they are shown as lost and come back, those deleted meanwhile do not', async () => {
    const made = await Promise.all(
      [1, 2].map(() => server.call('POST', '/v1/sandboxes', BODY, { Prefer: 'wait=30' })),
    );
    const [kept, deleted] = made.map((answer) => answer.json.id);
    const expiresAt = new Date(Date.now() + 40 * 86_400_000).toISOString();
    await server.call('POST', `/v1/sandboxes/${kept}/renew-expiration`, { expiresAt });
    await restartAs(`${server.instance}-empty`);
    for (const id of [kept, deleted]) {
      const found = await server.call('GET', `/v1/sandboxes/${id}`);
      expect(found.json.status).toMatchObject({ state: 'Failed', reason: 'RUNTIME_LOST' });
      expect(found.json.status.message).toContain('right engine');
    }
    const endpoint = await server.call('GET', `/v1/sandboxes/${kept}/endpoints/8080`);
    expect(endpoint.status).toBe(409);
    expect((await server.call('DELETE', `/v1/sandboxes/${deleted}`)).status).toBe(204);
    expect((await server.call('GET', `/v1/sandboxes/${deleted}`)).status).toBe(404);
    await restartAs(server.instance);
    const back = await server.call('GET', `/v1/sandboxes/${kept}`);
    expect(back.json.status.state).toBe('Running');
    expect(new Date(back.json.expiresAt).getTime()).toBe(new Date(expiresAt).getTime());
    expect((await server.call('GET', `/v1/sandboxes/${deleted}`)).status).toBe(404);
    await until('its container is removed', 20_000, async () => {
      return !(await containersOf(server.instance)).includes(`sandbox-${deleted}`);
    });
  });
});
