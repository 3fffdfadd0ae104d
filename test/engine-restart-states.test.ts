import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAN_OWN_ENGINE, openOwnEngine } from '../drivers/docker/test/own-engine.ts';
import type { OwnEngine } from '../drivers/docker/test/own-engine.ts';
import { lines } from './support/docker.ts';
import { openNetworkNamespace } from './support/network-namespace.ts';
import type { NetworkNamespace } from './support/network-namespace.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const BODY = {
  image: { uri: 'opensandbox-test/busybox:latest' },
  entrypoint: ['sleep', '600'],
  resourceLimits: {},
  timeout: 600,
};

describe.skipIf(!CAN_OWN_ENGINE)('an engine that is restarted under a server', () => {
  let directory: string;
  let namespace: NetworkNamespace;
  let engine: OwnEngine;
  let server: ServerProcess;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opensandbox-restarted-'));
    namespace = await openNetworkNamespace();
    engine = await openOwnEngine(directory, { through: namespace.through });
    server = await openServer({ through: namespace.through });
    await namespace.expose(Number(server.domain.split(':')[1]), directory);
    await server.start({ DOCKER_HOST: `unix://${engine.socket}` });
  });

  afterAll(async () => {
    await server.stop();
    await server[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await namespace[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const containers = (): Promise<string[]> =>
    lines('-H', `unix://${engine.socket}`, 'ps', '-a', '--format', '{{.Names}}');
  const path = (id: string, verb = ''): string => `/v1/sandboxes/${id}${verb}`;
  const get = (id: string): ReturnType<ServerProcess['call']> => server.call('GET', path(id));

  async function create(change: object = {}): Promise<string> {
    const made = await server.call('POST', '/v1/sandboxes', { ...BODY, ...change }, { Prefer: 'wait=60' });
    expect(made.status, made.text).toBe(202);
    return made.json.id;
  }

  async function becomes(id: string, state: RegExp): Promise<void> {
    await until(`${id} is ${String(state)}`, 60_000, async () =>
      state.test((await get(id)).json.status.state),
    );
  }

  it('answers while it is away, tells what became of each sandbox, and removes what expired meanwhile', async () => {
    const running = await create({ metadata: { a: '1' } });
    const paused = await create();
    const ended = await create({ entrypoint: ['sh', '-c', 'exit 3'] });
    const expiring = await create();
    expect((await server.call('POST', path(paused, '/pause'))).status).toBe(202);
    await becomes(ended, /^Failed$/);
    const before = (await get(ended)).json;
    const expiresAt = new Date(Date.now() + 1000).toISOString();
    await server.call('POST', path(expiring, '/renew-expiration'), { expiresAt });

    await engine.stop();
    expect((await server.call('GET', '/v1/sandboxes')).status).toBe(200);
    const refused = await server.call('POST', path(running, '/pause'));
    expect([refused.status >= 400, refused.json.code]).toEqual([true, expect.stringContaining('::')]);
    await engine.start();

    // An engine that ends takes its containers with it.
    for (const id of [running, paused]) await becomes(id, /^(Failed|Terminated)$/);
    expect((await get(running)).json.metadata).toEqual({ a: '1' });
    expect((await get(ended)).json).toEqual(before);
    await until('what expired is gone', 60_000, async () => (await get(expiring)).status === 404);
    const left = [running, paused, ended];
    expect((await containers()).sort()).toEqual(left.map((id) => `sandbox-${id}`).sort());
    expect((await server.call('POST', path(paused, '/resume'))).status).toBe(409);
    const fresh = await create();
    await becomes(fresh, /^Running$/);
    for (const id of [...left, fresh]) expect((await server.call('DELETE', path(id))).status).toBe(204);
    expect(await containers()).toEqual([]);
    expect(server.output()).not.toContain('internal.unexpected');
  });
});
