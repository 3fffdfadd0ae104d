import { type Scope, Secret, openScope, silentLogger, systemClock } from '@opensandbox/base';
import {
  type AccessOutcome,
  type Lifecycle,
  type SandboxId,
  openLifecycle,
  sandboxId,
} from '@opensandbox/core';
import { FakeEngine, fakeConfig, openFakeDriver, openFakeProbe } from '@opensandbox/driver-fake';
import {
  type IntentConsumer,
  type RenewLock,
  openIntentConsumer,
  openRenewLock,
} from '@opensandbox/renew-intents';
import {
  FakeClock,
  MemorySnapshotStore,
  MemoryStore,
  newSandboxId,
  sampleSpec,
  settle,
} from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestRedis, intentOf, openTestRedis } from '../packages/renew-intents/test/support/redis.ts';

const KEY = 'opensandbox:renew:intent';
const INTERVAL_MS = 1000;
const SOON = { timeout: 30_000, interval: 10 };
const { signal } = new AbortController();

/** What servers that look at the same sandboxes share. */
const shared = () => {
  const clock = new FakeClock();
  return { clock, engine: new FakeEngine(clock), store: new MemoryStore() };
};

interface Server {
  readonly lifecycle: Lifecycle;
  readonly consumer: IntentConsumer;
  readonly lock: RenewLock;
  readonly renewed: () => number;
}

let redis: TestRedis;
let scopes: Scope[] = [];
let world = shared();

beforeEach(async () => {
  world = shared();
  scopes = [];
  redis = await openTestRedis();
});

afterEach(async () => {
  for (const scope of scopes) await scope[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** The domain on a clock of the test's own, the connections to Redis in real time. */
async function openOne(): Promise<Server> {
  const { clock, engine, store } = world;
  const scope = openScope(silentLogger);
  scopes.push(scope);
  const outcomes: AccessOutcome[] = [];
  const dsn = new Secret(redis.dsn);
  const deps = { clock: systemClock(), log: silentLogger, random: Math.random };
  const lock = openRenewLock({ dsn, intervalSeconds: INTERVAL_MS / 1000 }, deps, scope);
  const lifecycle = await openLifecycle(
    {
      driver: await openFakeDriver(fakeConfig(), { clock, engine }, scope),
      store,
      snapshotStore: new MemorySnapshotStore(),
      probe: openFakeProbe(engine),
      clock,
      log: silentLogger,
      newId: newSandboxId,
      random: () => 0.5,
      renewOnAccess: {
        minIntervalMs: INTERVAL_MS,
        concurrency: 8,
        claim: (id, own) => lock.claim(id, own),
        counted: (outcome) => void outcomes.push(outcome),
      },
      options: {
        maxTimeoutSeconds: undefined,
        failureTtlMs: 3_600_000,
        resolveWaitMs: 180_000,
        removeWaitMs: 60_000,
        provisionConcurrency: 8,
        sweepIntervalMs: 30_000,
      },
    },
    scope,
  );
  const deliver = (id: string): void => lifecycle.accessed(sandboxId(id), 'redis_queue');
  const consumer = openIntentConsumer({ dsn, queueKey: KEY, concurrency: 4, deliver }, deps, scope);
  await expect.poll(() => consumer.state().connections, SOON).toBe(4);
  await expect.poll(() => lock.isConnected(), SOON).toBe(true);
  return {
    lifecycle,
    consumer,
    lock,
    renewed: () => outcomes.filter((outcome) => outcome === 'renewed').length,
  };
}

async function running({ lifecycle }: Server): Promise<SandboxId> {
  const spec = sampleSpec({ accessRenewSeconds: 600 });
  const { record } = await lifecycle.create({ spec, metadata: {}, timeoutSeconds: 300 }, signal);
  await settle(20);
  expect(lifecycle.get(record.id).status.state).toBe('Running');
  return record.id;
}

const push = (id: string, times: number): Promise<number> =>
  redis.client.lpush(KEY, ...Array.from({ length: times }, () => intentOf(id)));

/** Until nothing is left in the queue and what was taken has been acted on. */
async function consumed(servers: readonly Server[], total: number): Promise<void> {
  const delivered = (): number => servers.reduce((sum, { consumer }) => sum + consumer.state().delivered, 0);
  await expect.poll(delivered, SOON).toBe(total);
}

describe('intents', () => {
  it('of one sandbox, thousands at once, renew it once, and nothing of them is kept', async () => {
    const server = await openOne();
    const id = await running(server);
    const { revision } = server.lifecycle.get(id).record;
    await push(id, 10_000);
    await push('nobody', 1000);
    await consumed([server], 11_000);
    await expect.poll(server.renewed, SOON).toBe(1);
    const { record } = server.lifecycle.get(id);
    expect(record.revision).toBe(revision + 1);
    expect(record.expiresAt).toBe(world.clock.now() + 600_000);
    expect(await redis.client.keys('*')).not.toContain('opensandbox:renew:lock:nobody');
  });

  it('are acted on once in an interval by servers that share a queue', async () => {
    const servers = [await openOne(), await openOne()];
    const [first] = servers;
    if (first === undefined) throw new Error('no server');
    const id = await running(first);
    const renewed = (): number => servers.reduce((sum, server) => sum + server.renewed(), 0);
    for (let interval = 1; interval <= 3; interval += 1) {
      // Both servers also see requests of their own.
      for (const { lifecycle } of servers) lifecycle.accessed(id, 'server_proxy');
      await push(id, 200);
      await consumed(servers, interval * 200);
      await expect.poll(renewed, SOON).toBe(interval);
      expect(world.store.get(id)?.expiresAt).toBe(world.clock.now() + 600_000);
      await expect.poll(() => redis.client.exists(`opensandbox:renew:lock:${id}`), SOON).toBe(0);
      await world.clock.advance(INTERVAL_MS);
    }
    expect(renewed()).toBe(3);
  });
});

describe('while Redis stands still', () => {
  it('accesses through the server go on to renew, and nothing piles up', async () => {
    const server = await openOne();
    const ids: SandboxId[] = [];
    for (let n = 0; n < 30; n += 1) ids.push(await running(server));
    redis.freeze();
    for (let round = 0; round < 100; round += 1) {
      for (const id of ids) server.lifecycle.accessed(id, 'server_proxy');
    }
    await expect.poll(server.renewed, SOON).toBe(30);
    await world.clock.advance(INTERVAL_MS);
    for (const id of ids) server.lifecycle.accessed(id, 'server_proxy');
    await expect.poll(server.renewed, SOON).toBe(60);
    redis.thaw();
    await expect.poll(() => server.lock.isConnected(), SOON).toBe(true);
  });
});
