import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containersOf, docker, removeAll } from './support/docker.ts';
import { buildOlderServer, type OlderServer } from './support/older-server.ts';
import { openServer, OWN_PROGRAM, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

/** Which commit to come from: `UPGRADE_FROM=v0.1.0 npx vitest run --project system test/upgrade.test.ts`. */
const FROM = process.env['UPGRADE_FROM'] ?? 'HEAD~1';
const BODY = {
  image: { uri: 'opensandbox-test/busybox:latest' },
  entrypoint: ['sleep', '600'],
  resourceLimits: {},
  timeout: 600,
};

describe('sandboxes of the previous commit', () => {
  let older: OlderServer;
  let server: ServerProcess;

  beforeAll(async () => {
    server = await openServer();
    older = await buildOlderServer(FROM);
    console.log(`the older server is ${older.origin}`);
    server.runNext(older.program);
  });

  afterAll(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
    await (older as OlderServer | undefined)?.[Symbol.asyncDispose](); // not there when its build failed
  });

  async function create(change: object = {}, wait = 'wait=60'): Promise<string> {
    const made = await server.call('POST', '/v1/sandboxes', { ...BODY, ...change }, { Prefer: wait });
    expect(made.status).toBe(202);
    return made.json.id;
  }

  const path = (id: string, verb = ''): string => `/v1/sandboxes/${id}${verb}`;
  const get = (id: string): ReturnType<ServerProcess['call']> => server.call('GET', path(id));
  const inMs = (ms: number): { expiresAt: string } => ({
    expiresAt: new Date(Date.now() + ms).toISOString(),
  });

  async function becomes(id: string, state: string): Promise<void> {
    await until(`${id} is ${state}`, 60_000, async () => (await get(id)).json.status.state === state);
  }

  async function agentAnswers(id: string): Promise<void> {
    const { json } = await server.call('GET', path(id, '/endpoints/44772'));
    const answer = await fetch(`http://${json.endpoint}/command`, {
      method: 'POST',
      body: '{"command":"echo alive"}',
    });
    expect(await answer.text()).toContain('"text":"alive"');
  }

  /** Name of the volume that holds a sandbox's agent. */
  const agentOf = (id: string): Promise<string> =>
    docker('inspect', '--format', '{{range .Mounts}}{{.Name}}{{end}}', `sandbox-${id}`);

  /** Everything that a client may ask of a sandbox that runs. */
  async function isServed(id: string): Promise<void> {
    await agentAnswers(id);
    expect((await server.call('POST', path(id, '/pause'))).status).toBe(202);
    expect((await get(id)).json.status.state).toBe('Paused');
    expect((await server.call('POST', path(id, '/resume'))).status).toBe(202);
    expect((await server.call('PATCH', path(id, '/metadata'), { seen: 'yes' })).status).toBe(200);
    const renewed = inMs(3_600_000);
    expect((await server.call('POST', path(id, '/renew-expiration'), renewed)).status).toBe(200);
    const { json } = await get(id);
    expect(json.metadata).toMatchObject({ seen: 'yes' });
    expect(Date.parse(json.expiresAt)).toBe(Date.parse(renewed.expiresAt));
    await agentAnswers(id);
  }

  async function stopAndRun(program: string): Promise<void> {
    await server.stop();
    server.runNext(program);
    await server.start();
  }

  it('are served by the current server as if nothing had happened', async () => {
    await server.start();
    const running = await create({ metadata: { a: '1' } });
    const paused = await create();
    const expiring = await create();
    const ended = await create({ entrypoint: ['sh', '-c', 'exit 3'] });
    await becomes(ended, 'Failed');
    await server.call('POST', path(paused, '/pause'));
    await server.call('PATCH', path(running, '/metadata'), { a: null, b: '2' });
    await server.call('POST', path(running, '/renew-expiration'), inMs(1_800_000));
    await server.call('POST', path(expiring, '/renew-expiration'), inMs(2500));
    const ids = [running, paused, ended];
    const before = await Promise.all(ids.map(async (id) => (await get(id)).json));
    const [volume] = await older.volumes();
    expect(await agentOf(running)).toBe(volume);
    const pending = await create({}, 'wait=0');

    await stopAndRun(OWN_PROGRAM);

    expect(await Promise.all(ids.map(async (id) => (await get(id)).json))).toEqual(before);
    await becomes(pending, 'Running');
    await until('what expired meanwhile is gone', 30_000, async () => (await get(expiring)).status === 404);
    expect((await server.call('POST', path(paused, '/resume'))).status).toBe(202);
    for (const id of [running, paused, pending]) await isServed(id);
    // The new server has an agent of its own; the old one stays for those who use it.
    const fresh = await create();
    expect(await agentOf(fresh)).not.toBe(volume);
    expect(await agentOf(running)).toBe(volume);
    expect(await older.volumes()).toEqual([volume]);

    const names = [running, paused, ended, pending, fresh].map((id) => `sandbox-${id}`);
    expect((await containersOf(server.instance)).sort()).toEqual(names.sort());
    for (const id of [running, paused, ended, pending, fresh]) {
      expect((await server.call('DELETE', path(id))).status).toBe(204);
    }
    expect(await containersOf(server.instance)).toEqual([]);
    expect(server.output()).not.toContain('internal.unexpected');
  });

  it('and those of the current one are served by the older, or it says why it will not start', async () => {
    server.runNext(OWN_PROGRAM);
    await server.stop();
    await server.start();
    const running = await create({ metadata: { a: '1' } });
    const paused = await create();
    await server.call('POST', path(paused, '/pause'));
    const before = await Promise.all([running, paused].map(async (id) => (await get(id)).json));
    const refusal = await stopAndRun(older.program).then(
      () => undefined,
      (error: unknown) => String(error),
    );
    if (refusal === undefined) {
      const after = await Promise.all([running, paused].map(async (id) => (await get(id)).json));
      expect(after).toEqual(before);
      await server.call('POST', path(paused, '/resume'));
      for (const id of [running, paused]) await isServed(id);
      await stopAndRun(OWN_PROGRAM);
    } else {
      expect(refusal).toContain('was written by a newer version of this server');
      console.log('the older server refuses the newer store, and says so');
      server.runNext(OWN_PROGRAM);
      await server.start();
      await server.call('POST', path(paused, '/resume'));
    }
    for (const id of [running, paused]) await isServed(id);
    for (const id of [running, paused]) expect((await server.call('DELETE', path(id))).status).toBe(204);
    expect(await containersOf(server.instance)).toEqual([]);
  });
});
