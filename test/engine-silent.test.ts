import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containersOf, removeAll } from './support/docker.ts';
import { type EngineGate, openEngineGate } from './support/engine-gate.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const API_TIMEOUT_MS = 5000;
/** Two calls after another would take longer; a machine that is busy does not. */
const LONGEST_MS = 1.9 * API_TIMEOUT_MS;
const BODY = {
  image: { uri: 'opensandbox-test/busybox:latest' },
  entrypoint: ['sleep', '600'],
  resourceLimits: {},
  timeout: 600,
};

describe('an engine that takes every call and answers none', () => {
  let server: ServerProcess;
  let gate: EngineGate;

  beforeAll(async () => {
    gate = await openEngineGate();
    server = await openServer({ docker: `api_timeout = ${API_TIMEOUT_MS / 1000}` });
    await server.start({ DOCKER_HOST: gate.dockerHost });
  });

  afterAll(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
  });

  it('keeps no DELETE waiting longer than one call may take, and the removals are made good', async () => {
    const running = await server.call('POST', '/v1/sandboxes', BODY, { Prefer: 'wait=30' });
    expect(running.json.status.state).toBe('Running');
    const silence = fallSilentAtCreate(gate);
    const pending = await server.call('POST', '/v1/sandboxes', BODY);
    await silence.began;
    for (const { id } of [pending.json, running.json]) {
      const began = performance.now();
      const deleted = await server.call('DELETE', `/v1/sandboxes/${id}`);
      expect(performance.now() - began).toBeLessThan(LONGEST_MS);
      expect(deleted.status).toBe(504);
      expect(deleted.json.code).toMatch(/^DOCKER::/);
      expect(deleted.json.message).toMatch(/did not answer|goes on by itself/);
      const read = await server.call('GET', `/v1/sandboxes/${id}`);
      expect(read.json.status.state).toBe('Stopping');
    }
    silence.end();
    await until('nothing is left', 60_000, async () => {
      const { json } = await server.call('GET', '/v1/sandboxes');
      return json.items.length === 0 && (await containersOf(server.instance)).length === 0;
    });
  });
});

/** From the next container create on, calls reach the gate and no further. */
function fallSilentAtCreate(gate: EngineGate): { readonly began: Promise<void>; readonly end: () => void } {
  let end: () => void = () => undefined;
  const silence = new Promise<void>((resolve) => (end = resolve));
  let begin: () => void = () => undefined;
  const began = new Promise<void>((resolve) => (begin = resolve));
  let isSilent = false;
  gate.watch = ({ path }) => {
    isSilent ||= path === '/containers/create';
    if (!isSilent) return undefined;
    begin();
    return silence;
  };
  return {
    began,
    end() {
      gate.watch = () => undefined;
      end();
    },
  };
}
