import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { containersOf, removeAll } from './support/docker.ts';
import { type EngineGate, type Moment, openEngineGate, stepName } from './support/engine-gate.ts';
import { copyServer, type ServerCopy } from './support/server-copy.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const BODY = {
  image: { uri: 'opensandbox-test/busybox:latest' },
  entrypoint: ['sleep', '600'],
  resourceLimits: {},
  timeout: 600,
};
const SOON_MS = 30_000;
const FILL = [
  'POST /volumes/create',
  'POST /containers/create',
  'PUT /containers/<id>/archive',
  'DELETE /containers/<id>',
];

describe('a server that dies while it fills the volume of its agent', () => {
  let copy: ServerCopy;
  let server: ServerProcess;
  let gate: EngineGate;

  beforeAll(() => {
    copy = copyServer();
  });

  afterAll(async () => {
    await copy[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    copy.changeAgent();
    server = await openServer({ program: copy.program });
    gate = await openEngineGate();
  });

  afterEach(async () => {
    await server.kill();
    await removeAll(server.instance);
    await copy.clear();
    await server[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
  });

  async function expectWhole(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      await until(`${id} is Running`, SOON_MS, async () => {
        const answer = await server.call('GET', `/v1/sandboxes/${id}`);
        return answer.status === 200 && answer.json.status.state === 'Running';
      });
    }
    await until('no carrier is left', SOON_MS, async () => (await copy.carriers()).length === 0);
    expect((await containersOf(server.instance)).sort()).toEqual(ids.map((id) => `sandbox-${id}`).sort());
  }

  it('fills it in the steps at which the others kill it', async () => {
    const steps: string[] = [];
    gate.watch = (call, moment) => {
      const step = moment === 'after' ? stepName(call) : undefined;
      if (step !== undefined) steps.push(step);
    };
    await server.start({ DOCKER_HOST: gate.dockerHost });
    const made = await server.call('POST', '/v1/sandboxes', BODY, { Prefer: 'wait=30' });
    expect(made.json.status.state).toBe('Running');
    expect(steps.slice(0, FILL.length)).toEqual(FILL);
  });

  const moments = FILL.flatMap((step, target) => {
    const of: readonly Moment[] = step.startsWith('PUT')
      ? ['before', 'during', 'after']
      : ['before', 'after'];
    return of.map((moment) => ({ moment, step, target }));
  });

  it.each(moments)('$moment $step loses nothing and leaves nothing', async ({ moment, step, target }) => {
    let seen = -1;
    gate.watch = async (call, when) => {
      if (stepName(call) === undefined) return;
      if (when === 'before') seen += 1;
      if (when === moment && seen === target) await server.kill();
    };
    await server.start({ DOCKER_HOST: gate.dockerHost });
    const made = await server.call('POST', '/v1/sandboxes', BODY);
    expect(made.status).toBe(202);
    await until(`the server dies ${moment} ${step}`, SOON_MS, async () => server.exited());
    gate.watch = () => undefined;

    await server.start({ DOCKER_HOST: gate.dockerHost });
    await expectWhole([made.json.id]);
    // What an earlier run left stands in nobody's way: the filling did not have to lose its patience with it.
    expect(server.output()).not.toContain('agent.carrier_taken_over');
    expect(await copy.volumes()).toHaveLength(1);
    expect((await server.call('DELETE', `/v1/sandboxes/${made.json.id}`)).status).toBe(204);
    expect(await containersOf(server.instance)).toEqual([]);
  });
});
