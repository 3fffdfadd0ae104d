import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containersOf, removeAll } from './support/docker.ts';
import { type EngineGate, openEngineGate } from './support/engine-gate.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const BODY = {
  image: { uri: 'opensandbox-test/busybox:latest' },
  entrypoint: ['sleep', '600'],
  resourceLimits: {},
  timeout: 600,
};

describe('an engine that cannot be reached for a while', () => {
  let server: ServerProcess;
  let gate: EngineGate;

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

  it('loses no creation, no reading and no deletion', async () => {
    const before = await server.call('POST', '/v1/sandboxes', BODY, { Prefer: 'wait=30' });
    expect(before.json.status.state).toBe('Running');
    const during = await Promise.all(
      Array.from({ length: 6 }, () => server.call('POST', '/v1/sandboxes', BODY)),
    );
    gate.shut();
    const meanwhile = await server.call('POST', '/v1/sandboxes', BODY);
    expect(meanwhile.status).toBe(202);
    const read = await server.call('GET', `/v1/sandboxes/${before.json.id}`);
    expect(read.json.status.state).toBe('Running');
    const refused = await server.call('DELETE', `/v1/sandboxes/${before.json.id}`);
    expect(refused.status).toBeGreaterThanOrEqual(500);
    expect(refused.json.code).toMatch(/^DOCKER::/);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await gate.openAgain();

    const promised = [...during, meanwhile].map((answer) => answer.json.id);
    for (const id of promised) {
      await until(`${id} is Running`, 40_000, async () => {
        const answer = await server.call('GET', `/v1/sandboxes/${id}`);
        return answer.json.status.state === 'Running';
      });
    }
    await until('the deletion that failed was made good', 40_000, async () => {
      return (await server.call('GET', `/v1/sandboxes/${before.json.id}`)).status === 404;
    });
    expect((await containersOf(server.instance)).sort()).toEqual(
      promised.map((id) => `sandbox-${id}`).sort(),
    );
  });
});
