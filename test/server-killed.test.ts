import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containersOf, docker, removeAll } from './support/docker.ts';
import { type EngineGate, openEngineGate, stepName } from './support/engine-gate.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const BODY = {
  image: { uri: 'opensandbox-test/busybox:latest' },
  entrypoint: ['sleep', '600'],
  resourceLimits: {},
  timeout: 600,
};

async function temporaryContainers(instance: string): Promise<string[]> {
  return (await containersOf(instance)).filter((name) => !name.startsWith('sandbox-'));
}

describe('a server that dies', () => {
  let server: ServerProcess;
  let gate: EngineGate;

  beforeEach(async () => {
    server = await openServer();
    gate = await openEngineGate();
  });

  afterEach(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
  });

  /** Waits for the sandbox that was promised, and checks that the engine holds it and nothing else. */
  async function expectWhole(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      await until(`${id} is Running`, 30_000, async () => {
        const answer = await server.call('GET', `/v1/sandboxes/${id}`);
        return answer.status === 200 && answer.json.status.state === 'Running';
      });
    }
    await until('no temporary container is left', 30_000, async () => {
      return (await temporaryContainers(server.instance)).length === 0;
    });
    const listed = await server.call('GET', '/v1/sandboxes?pageSize=200');
    const known = listed.json.items.map((item) => `sandbox-${item.id}`).sort();
    expect((await containersOf(server.instance)).sort()).toEqual(known);
  }

  async function stepsOfACreate(): Promise<string[]> {
    const steps: string[] = [];
    await server.start({ DOCKER_HOST: gate.dockerHost });
    // The first create of all also fills the agent's volume; server-killed-filling.test.ts kills it there.
    const first = await server.call('POST', '/v1/sandboxes', BODY, { Prefer: 'wait=30' });
    await server.call('DELETE', `/v1/sandboxes/${first.json.id}`);
    gate.watch = (call, moment) => {
      const step = moment === 'before' ? stepName(call) : undefined;
      if (step !== undefined) steps.push(step);
    };
    const made = await server.call('POST', '/v1/sandboxes', BODY, { Prefer: 'wait=30' });
    expect(made.json.status.state).toBe('Running');
    gate.watch = () => undefined;
    await server.call('DELETE', `/v1/sandboxes/${made.json.id}`);
    await server.kill();
    return steps;
  }

  it('between any two steps of a create loses nothing and orphans nothing', async () => {
    const steps = await stepsOfACreate();
    expect(steps.length).toBeGreaterThanOrEqual(2);
    for (const moment of ['before', 'after'] as const) {
      for (let target = 0; target < steps.length; target += 1) {
        let seen = -1;
        gate.watch = async (call, when) => {
          if (when !== moment || stepName(call) === undefined) return;
          seen += 1;
          if (seen === target) await server.kill();
        };
        await server.start({ DOCKER_HOST: gate.dockerHost });
        const made = await server.call('POST', '/v1/sandboxes', BODY).catch(() => undefined);
        await until(`the server dies ${moment} ${steps[target]}`, 30_000, async () => server.exited());
        gate.watch = () => undefined;

        await server.start({ DOCKER_HOST: gate.dockerHost });
        const listed = await server.call('GET', '/v1/sandboxes?pageSize=200');
        const ids = listed.json.items.map((item) => item.id);
        if (made?.status === 202) expect(ids).toContain(made.json.id);
        await expectWhole(ids);
        for (const id of ids) expect((await server.call('DELETE', `/v1/sandboxes/${id}`)).status).toBe(204);
        expect(await containersOf(server.instance)).toEqual([]);
        await server.kill();
      }
    }
  }, 300_000);

  it('keeps renewed deadlines, metadata and pauses', async () => {
    await server.start();
    const made = await server.call(
      'POST',
      '/v1/sandboxes',
      { ...BODY, metadata: { a: '1' } },
      { Prefer: 'wait=30' },
    );
    const id = made.json.id;
    const renewed = new Date(Date.now() + 40 * 86_400_000).toISOString();
    expect(
      (await server.call('POST', `/v1/sandboxes/${id}/renew-expiration`, { expiresAt: renewed })).status,
    ).toBe(200);
    await server.call('PATCH', `/v1/sandboxes/${id}/metadata`, { a: null, b: '2' });
    await server.call('POST', `/v1/sandboxes/${id}/pause`);
    await server.kill();
    await server.start();
    const after = await server.call('GET', `/v1/sandboxes/${id}`);
    expect(after.json.metadata).toEqual({ b: '2' });
    expect(new Date(after.json.expiresAt).getTime()).toBe(new Date(renewed).getTime());
    expect(after.json.status.state).toBe('Paused');
    expect((await server.call('POST', `/v1/sandboxes/${id}/resume`)).status).toBe(202);
  });

  it('removes after its restart what expired while it was away', async () => {
    await server.start();
    const made = await server.call('POST', '/v1/sandboxes', BODY, { Prefer: 'wait=30' });
    const id = made.json.id;
    const soon = new Date(Date.now() + 1500).toISOString();
    await server.call('POST', `/v1/sandboxes/${id}/renew-expiration`, { expiresAt: soon });
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, 1600));
    await server.start();
    await until('the sandbox is gone', 10_000, async () => {
      return (await server.call('GET', `/v1/sandboxes/${id}`)).status === 404;
    });
    expect(await containersOf(server.instance)).toEqual([]);
  });

  it('leaves sandboxes running when it is stopped', async () => {
    await server.start();
    const made = await server.call('POST', '/v1/sandboxes', BODY, { Prefer: 'wait=30' });
    await server.stop();
    const state = await docker('inspect', '--format', '{{.State.Running}}', `sandbox-${made.json.id}`);
    expect(state).toBe('true');
  });

  it('adopts a sandbox that another server made, by its labels alone', async () => {
    const id = 'b7d1c8f2-0000-4000-8000-00000000feed';
    const expires = new Date(Date.now() + 3_600_000).toISOString().replace('Z', '+00:00');
    await docker(
      'run', '-d', '--name', `sandbox-${id}`,
      '--label', `opensandbox.io/id=${id}`,
      '--label', `opensandbox.io/instance=${server.instance}`,
      '--label', `opensandbox.io/expires-at=${expires}`,
      '--label', 'team=legacy',
      'opensandbox-test/busybox:latest', 'sleep', '600',
    ); // prettier-ignore
    await server.start();
    const adopted = await server.call('GET', `/v1/sandboxes/${id}`);
    expect(adopted.json).toMatchObject({
      id,
      status: { state: 'Running' },
      metadata: { team: 'legacy' },
      entrypoint: ['sleep', '600'],
      image: { uri: 'opensandbox-test/busybox:latest' },
    });
    expect(new Date(adopted.json.expiresAt).getTime()).toBe(new Date(expires).getTime());
    expect((await server.call('DELETE', `/v1/sandboxes/${id}`)).status).toBe(204);
  });
});
