import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containersOf, lines, removeAll } from './support/docker.ts';
import { type CallFate, type EngineGate, openEngineGate, stepName } from './support/engine-gate.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const BODY = {
  image: { uri: 'opensandbox-test/busybox:latest' },
  entrypoint: ['sleep', '600'],
  resourceLimits: {},
  timeout: 600,
};

describe('a creation of which one step fails', () => {
  let server: ServerProcess;
  let gate: EngineGate;
  const claim = `chaos-${randomUUID()}`;
  /** It makes a volume, fills and mounts it, and removes it with the sandbox. */
  const volume = {
    name: 'cache',
    mountPath: '/cache',
    pvc: { claimName: claim, createIfNotExists: true, deleteOnSandboxTermination: true },
  };

  beforeAll(async () => {
    gate = await openEngineGate();
    server = await openServer();
    await server.start({ DOCKER_HOST: gate.dockerHost });
  });

  afterAll(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
  });

  /** Resolves with the state that the sandbox ends in, and its id. */
  async function create(): Promise<{ readonly id: string; readonly state: string }> {
    const made = await server.call(
      'POST',
      '/v1/sandboxes',
      { ...BODY, volumes: [volume] },
      { Prefer: 'wait=60' },
    );
    expect([202, 400, 500, 503], made.text).toContain(made.status);
    if (made.status !== 202) return { id: '', state: 'refused' };
    const { id } = made.json;
    const state = await until(`${id} runs or has failed`, 60_000, async () => {
      const { json } = await server.call('GET', `/v1/sandboxes/${id}`);
      return /^(Running|Failed|Terminated)$/.test(json.status.state) && json.status.state;
    });
    return { id, state };
  }

  async function remove(id: string): Promise<void> {
    if (id !== '') expect((await server.call('DELETE', `/v1/sandboxes/${id}`)).status).toBe(204);
  }

  async function expectNothing(): Promise<void> {
    let found: readonly string[] = [];
    const isClean = async (): Promise<boolean> => {
      const volumes = await lines('volume', 'ls', '-q', '--filter', `name=${claim}`);
      found = [...(await containersOf(server.instance)), ...volumes];
      return found.length === 0;
    };
    await until('nothing is left', 15_000, isClean).catch(() => expect(found).toEqual([]));
  }

  /** The changes that a create makes to the engine, in order. */
  async function stepsOfACreate(): Promise<readonly string[]> {
    await remove((await create()).id); // the first one fills the agent's volume
    const steps: string[] = [];
    gate.fateOf = (call) => {
      const step = stepName(call);
      if (step !== undefined) steps.push(step);
      return 'pass';
    };
    const { id, state } = await create();
    gate.fateOf = () => 'pass';
    expect(state).toBe('Running');
    await remove(id);
    return steps;
  }

  it('leaves nothing on the engine, whichever step it was and however it failed', async () => {
    const steps = await stepsOfACreate();
    expect(steps.length).toBeGreaterThanOrEqual(3);
    const outcomes: string[] = [];
    for (const fate of ['refuse', 'lie', 'break'] as const satisfies readonly CallFate[]) {
      for (let target = 0; target < steps.length; target += 1) {
        let seen = -1;
        gate.fateOf = (call) => {
          if (stepName(call) === undefined) return 'pass';
          seen += 1;
          return seen === target ? fate : 'pass';
        };
        const { id, state } = await create();
        gate.fateOf = () => 'pass';
        outcomes.push(`${fate} ${steps[target] ?? ''}: ${state}`);
        // What failed takes everything back by itself; what runs in spite of it goes as usual.
        if (state === 'Running') await remove(id);
        await expectNothing();
        if (state !== 'Running') await remove(id);
      }
    }
    console.log(outcomes.join('\n'));
    expect(outcomes.some((line) => line.endsWith('Failed'))).toBe(true);
    expect(server.output()).not.toContain('internal.unexpected');
  }, 300_000);
});
