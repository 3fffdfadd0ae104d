import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containersOf, docker, removeAll } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const BODY = {
  image: { uri: 'opensandbox-test/busybox:latest' },
  entrypoint: ['sleep', '600'],
  resourceLimits: {},
  timeout: 600,
};

describe('what happens to sandboxes', () => {
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

  async function make(change: object = {}): Promise<string> {
    const made = await server.call('POST', '/v1/sandboxes', { ...BODY, ...change }, { Prefer: 'wait=30' });
    expect(made.status, made.text).toBe(202);
    return made.json.id;
  }

  async function statusOf(
    id: string,
  ): Promise<{ state: string; reason: string; message: string } | undefined> {
    return (await server.call('GET', `/v1/sandboxes/${id}`)).json.status;
  }

  async function reaches(
    id: string,
    state: string,
    withinMs: number,
  ): Promise<{ reason: string; message: string }> {
    return until(`${id} is ${state}`, withinMs, async () => {
      const status = await statusOf(id);
      return status?.state === state ? status : undefined;
    });
  }

  it('answers Pending at once and becomes Running', async () => {
    const made = await server.call('POST', '/v1/sandboxes', BODY);
    expect(made.json.status.state).toBe('Pending');
    await reaches(made.json.id, 'Running', 10_000);
  });

  it('echoes a shell line as it was sent, and shows the words that run', async () => {
    const body = { ...BODY, entrypoint: ['sh -c "sleep 600"'] };
    const made = await server.call('POST', '/v1/sandboxes', body);
    expect(made.json.entrypoint).toEqual(['sh -c "sleep 600"']);
    const found = await server.call('GET', `/v1/sandboxes/${made.json.id}`);
    expect(found.json.entrypoint).toEqual(['sh', '-c', 'sleep 600']);
  });

  it('tells that a sandbox was killed from outside', async () => {
    const id = await make();
    await docker('kill', `sandbox-${id}`);
    expect((await reaches(id, 'Failed', 20_000)).message).toContain('137');
  });

  it('says that memory ran out when it did', async () => {
    const id = await make({
      image: { uri: 'opensandbox-demo:latest' },
      entrypoint: ['sh', '-c', 'sleep 1; exec python3 -c "x = bytearray(400 * 1024 * 1024)"'],
      resourceLimits: { memory: '96Mi' },
    });
    expect(await reaches(id, 'Failed', 30_000)).toMatchObject({ reason: 'CONTAINER_OOM_KILLED' });
  });

  it.each([
    ['Terminated', ['true'], 'CONTAINER_EXITED'],
    ['Failed', ['sh', '-c', 'exit 3'], 'CONTAINER_EXITED_ERROR'],
    ['Failed', ['no-such-program'], 'CONTAINER_EXITED_ERROR'],
  ])('ends as %s when its entrypoint is %j', async (state, entrypoint, reason) => {
    const id = await make({ entrypoint });
    expect(await reaches(id, state, 20_000)).toMatchObject({ reason });
  });

  it('is gone from the API when somebody removed its container', async () => {
    const id = await make();
    await docker('rm', '-f', `sandbox-${id}`);
    await until('404', 20_000, async () => (await server.call('GET', `/v1/sandboxes/${id}`)).status === 404);
  });

  it('shows a pause made by hand and can resume it', async () => {
    const id = await make();
    await docker('pause', `sandbox-${id}`);
    await reaches(id, 'Paused', 2_000);
    expect((await server.call('POST', `/v1/sandboxes/${id}/resume`)).status).toBe(202);
    expect((await statusOf(id))?.state).toBe('Running');
  });

  it('refuses the second of two pauses, and every delete of many succeeds or finds nothing', async () => {
    const id = await make();
    const pauses = await Promise.all([1, 2].map(() => server.call('POST', `/v1/sandboxes/${id}/pause`)));
    expect(pauses.map((answer) => answer.status).sort()).toEqual([202, 409]);
    const deletes = await Promise.all([1, 2, 3, 4].map(() => server.call('DELETE', `/v1/sandboxes/${id}`)));
    for (const answer of deletes) expect([204, 404]).toContain(answer.status);
    expect(deletes.map((answer) => answer.status)).toContain(204);
    expect(await containersOf(server.instance)).not.toContain(`sandbox-${id}`);
  });

  it('can be deleted while it is being made, and leaves nothing', async () => {
    const ids: string[] = [];
    for (let delay = 0; delay <= 300; delay += 60) {
      const made = await server.call('POST', '/v1/sandboxes', BODY);
      ids.push(`sandbox-${made.json.id}`);
      await new Promise((resolve) => setTimeout(resolve, delay));
      expect((await server.call('DELETE', `/v1/sandboxes/${made.json.id}`)).status).toBe(204);
      expect((await server.call('GET', `/v1/sandboxes/${made.json.id}`)).status).toBe(404);
    }
    const left = await containersOf(server.instance);
    expect(left.filter((name) => ids.includes(name))).toEqual([]);
  });

  it('survives or dies, never both, when it is renewed at the instant of its expiry', async () => {
    const id = await make();
    const expiry = Date.now() + 1200;
    await server.call('POST', `/v1/sandboxes/${id}/renew-expiration`, {
      expiresAt: new Date(expiry).toISOString(),
    });
    await new Promise((resolve) => setTimeout(resolve, expiry - Date.now() - 3));
    const later = new Date(Date.now() + 600_000).toISOString();
    const renewal = await server.call('POST', `/v1/sandboxes/${id}/renew-expiration`, { expiresAt: later });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const found = await server.call('GET', `/v1/sandboxes/${id}`);
    expect([200, 404]).toContain(renewal.status);
    expect(found.status).toBe(renewal.status);
    if (found.status === 200) expect(found.json.status.state).toBe('Running');
  });

  it('comes in fifties at once without a failure', async () => {
    const made = await Promise.all(
      Array.from({ length: 50 }, () => server.call('POST', '/v1/sandboxes', BODY, { Prefer: 'wait=60' })),
    );
    expect(made.map((answer) => `${answer.status} ${answer.json.status.state}`)).toEqual(
      Array(50).fill('202 Running'),
    );
    const gone = await Promise.all(
      made.map((answer) => server.call('DELETE', `/v1/sandboxes/${answer.json.id}`)),
    );
    expect(gone.map((answer) => answer.status)).toEqual(Array(50).fill(204));
  }, 180_000);

  it('is never missing from a list while others come and go', async () => {
    const stays = await make({ metadata: { stays: 'yes' } });
    const churn = { ended: false };
    const rounds = (async () => {
      for (let round = 0; round < 6; round += 1) await server.call('DELETE', `/v1/sandboxes/${await make()}`);
    })().finally(() => (churn.ended = true));
    while (!churn.ended) {
      const listed = await server.call('GET', '/v1/sandboxes?metadata=stays%3Dyes');
      expect(listed.status).toBe(200);
      expect(listed.json.items.map((item) => item.id)).toEqual([stays]);
    }
    await rounds;
  });
});
