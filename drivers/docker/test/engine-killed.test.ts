import { EventEmitter, once, setMaxListeners } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Observation, SandboxRecord } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import { sampleRecord } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest, temporaryDirectory } from './docker-harness.ts';
import type { DockerTest } from './docker-harness.ts';
import { CAN_OWN_ENGINE, openOwnEngine } from './own-engine.ts';
import type { OwnEngine } from './own-engine.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);
const CREATES = 12;

/**
 * How many containers the engine has started, or at least created, when it is killed. An engine that is stopped
 * finishes what it was asked for first; one that is killed leaves all of it halfway.
 */
const MOMENTS = [
  { action: 'create', seen: 1 },
  { action: 'create', seen: 8 },
  { action: 'start', seen: 1 },
  { action: 'start', seen: 6 },
] as const;

describe.skipIf(!HAS_ENGINE || !CAN_OWN_ENGINE)('an engine that is killed amid creates', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let engine: OwnEngine;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    engine = await openOwnEngine(directory.path);
  });

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  it.each(MOMENTS)(
    'loses none of them when it is killed at $action number $seen',
    { timeout: 120_000 },
    async (moment) => {
      await using test = await openDockerTest({ socket: engine.socket, section: { network_mode: 'host' } });
      const records = Array.from({ length: CREATES }, () => sampleRecord({ spec: busyboxSpec() }));
      const first = await killAmid({ engine, moment }, test, records);
      for (const outcome of first) {
        if (outcome.status === 'rejected') expectTyped(outcome.reason);
      }
      expect(first.some((outcome) => outcome.status === 'rejected')).toBe(true);
      const again = await Promise.all(records.map((record) => create(test, record)));
      expect(again.map(({ id }) => id)).toEqual(records.map(({ id }) => id));
      await expectTruthful(test, again);
      expect(await test.leftovers()).toHaveLength(CREATES);
      await Promise.all(records.map(({ id }) => test.driver.destroy(id, signal)));
      expect(await test.leftovers()).toEqual([]);
    },
  );
});

const create = (test: DockerTest, record: SandboxRecord): Promise<Observation> =>
  test.driver.create(record, () => undefined, signal);

/** What became of the creates; the engine is back by then. */
async function killAmid(
  { engine, moment }: { readonly engine: OwnEngine; readonly moment: (typeof MOMENTS)[number] },
  test: DockerTest,
  records: readonly SandboxRecord[],
): Promise<PromiseSettledResult<Observation>[]> {
  // The agent's volume is filled before, so that all creates are at the same step.
  const warm = sampleRecord({ spec: busyboxSpec() });
  await create(test, warm);
  await test.driver.destroy(warm.id, signal);
  await using events = await watchActions(engine.socket, moment.action);
  const creating = Promise.allSettled(records.map((record) => create(test, record)));
  await events.seen(moment.seen);
  await engine.kill();
  // At once: what the failed creates take back meets an engine that is coming up.
  await engine.start();
  return await creating;
}

function expectTyped(reason: unknown): void {
  expect(reason).toBeInstanceOf(Fault);
  expect(reason).toMatchObject({ kind: 'unavailable', code: 'engine.unavailable' });
}

interface ActionWatch extends AsyncDisposable {
  /** Resolves when the engine has told of so many. */
  seen(count: number): Promise<void>;
}

/** Counts what the engine does to containers. Resolves when it is listening. */
async function watchActions(socket: string, action: string): Promise<ActionWatch> {
  const filters = JSON.stringify({ type: ['container'], event: [action] });
  const path = `/events?filters=${encodeURIComponent(filters)}`;
  const asking = request({ socketPath: socket, path }).end();
  const [stream] = (await once(asking, 'response')) as [IncomingMessage];
  let count = 0;
  const news = new EventEmitter();
  stream.on('data', (chunk: Buffer) => {
    count += chunk.toString().split('\n').length - 1;
    news.emit('counted');
  });
  stream.on('error', () => undefined); // the engine is killed while it talks
  return {
    async seen(wanted) {
      while (count < wanted) await once(news, 'counted');
    },
    [Symbol.asyncDispose]: () => Promise.resolve(void asking.destroy()),
  };
}

/** A sandbox that had been started before its engine died has ended; whatever is said is what the engine says. */
async function expectTruthful(test: DockerTest, observations: readonly Observation[]): Promise<void> {
  for (const { id, phase } of observations) {
    expect(['running', 'exited']).toContain(phase);
    expect(await test.driver.inspect(id, signal)).toMatchObject({ phase });
  }
}
