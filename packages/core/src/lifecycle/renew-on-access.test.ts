import type { FakeClock } from '@opensandbox/testkit';
import { MemoryStore, sampleSpec } from '@opensandbox/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { MINUTE, SECOND, World } from '../../test/world.ts';
import type { SandboxId, SandboxRecord } from '../sandbox.ts';
import { sandboxId } from '../sandbox.ts';
import type { AccessOutcome, RenewOnAccessOptions } from './access.ts';

/** Counts writes, and holds or fails them when a test wants it. */
class GateStore extends MemoryStore {
  writes = 0;
  reads = 0;
  before: () => Promise<void> = () => Promise.resolve();

  override get(id: SandboxId): SandboxRecord | undefined {
    this.reads += 1;
    return super.get(id);
  }

  override async update(
    id: SandboxId,
    change: (current: SandboxRecord) => SandboxRecord,
  ): Promise<SandboxRecord> {
    this.writes += 1;
    await this.before();
    return super.update(id, change);
  }
}

let world = new World();
let store = new GateStore();
let outcomes: AccessOutcome[] = [];

async function start(options: Partial<RenewOnAccessOptions> = {}): Promise<FakeClock> {
  store = new GateStore();
  outcomes = [];
  const counted = (outcome: AccessOutcome): void => void outcomes.push(outcome);
  world = new World({
    store,
    renewOnAccess: { minIntervalMs: 60 * SECOND, concurrency: 8, counted, ...options },
  });
  await world.start();
  return world.clock;
}

interface Wish {
  readonly timeoutSeconds?: number | undefined;
  readonly accessRenewSeconds?: number | undefined;
}

async function running(wish: Wish = {}): Promise<SandboxId> {
  const { timeoutSeconds, accessRenewSeconds } = { timeoutSeconds: 60, accessRenewSeconds: 600, ...wish };
  const spec = sampleSpec({ accessRenewSeconds });
  const { record } = await world.lifecycle.create({ spec, metadata: {}, timeoutSeconds }, world.signal);
  await world.clock.advanceUntil(() => world.record(record.id)?.provisioning.phase !== 'pending');
  return record.id;
}

async function access(id: SandboxId, times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) world.lifecycle.accessed(id, 'server_proxy');
  await world.settle();
}

const expiry = (id: SandboxId): number | undefined => world.record(id)?.expiresAt;

afterEach(() => world.stop());

describe('an access', () => {
  it('prolongs the sandbox by what it asked for, from now on', async () => {
    const clock = await start();
    const id = await running();
    await access(id);
    expect(expiry(id)).toBe(clock.now() + 600 * SECOND);
    expect(outcomes).toEqual(['renewed']);
    expect(world.log.count('sandbox.renewed_on_access')).toBe(1);
    await clock.advance(599 * SECOND);
    expect(world.state(id)).toBe('Running');
    await clock.advance(SECOND);
    expect(world.record(id)).toBeUndefined();
  });

  it('drops the microseconds of the deadline that it replaces', async () => {
    const clock = await start();
    const id = await running();
    await world.lifecycle.renew(id, { ms: clock.now() + MINUTE, micros: 7 }, world.signal);
    await access(id);
    expect(world.record(id)).toMatchObject({
      expiresAt: clock.now() + 600 * SECOND,
      expiresAtMicros: undefined,
    });
  });

  it('never shortens a deadline', async () => {
    const clock = await start();
    const id = await running({ timeoutSeconds: 3600 });
    const before = expiry(id);
    await access(id);
    expect(expiry(id)).toBe(before);
    expect(outcomes).toEqual(['unneeded']);
    await clock.advance(3500 * SECOND);
    await access(id);
    expect(expiry(id)).toBe(clock.now() + 600 * SECOND);
  });

  it('writes nothing for the sake of a moment, and as soon as it is worth it', async () => {
    const clock = await start();
    const id = await running({ timeoutSeconds: 600 });
    const { writes } = store;
    await clock.advance(29 * SECOND);
    await access(id, 5);
    expect(store.writes).toBe(writes);
    await clock.advance(SECOND);
    await access(id);
    expect(store.writes).toBe(writes + 1);
  });

  it('is worth a write well before the end when the interval is longer than the extension', async () => {
    const clock = await start({ minIntervalMs: 3600 * SECOND });
    const id = await running({ timeoutSeconds: 600 });
    await clock.advance(61 * SECOND);
    await access(id);
    expect(outcomes).toEqual(['renewed']);
  });

  it.each([
    [7, 300],
    [-5, 300],
    [299, 300],
    [86_401, 86_400],
    [1_000_000, 86_400],
  ])('reads an extension of %i s as %i s', async (stored, used) => {
    const clock = await start();
    const id = await running({ accessRenewSeconds: stored });
    await access(id);
    expect(expiry(id)).toBe(clock.now() + used * SECOND);
  });

  it.each([
    ['did not ask for it', { accessRenewSeconds: undefined }],
    ['never expires', { timeoutSeconds: undefined }],
  ])('changes nothing when the sandbox %s', async (_what, wish) => {
    await start();
    const id = await running(wish);
    const before = world.record(id);
    await access(id, 3);
    expect(world.record(id)).toBe(before);
    expect(outcomes).toEqual(['ineligible', 'ineligible', 'ineligible']);
  });

  it('changes nothing while the sandbox is paused, and counts again when it runs', async () => {
    await start();
    const id = await running({ timeoutSeconds: 300 });
    await world.lifecycle.pause(id, world.signal);
    const before = expiry(id);
    await access(id);
    expect(expiry(id)).toBe(before);
    await world.lifecycle.resume(id, world.signal);
    await access(id);
    expect(outcomes).toEqual(['ineligible', 'renewed']);
  });

  it('changes nothing while the sandbox is being made, or has ended', async () => {
    await start();
    const spec = sampleSpec({ accessRenewSeconds: 600, env: [['FAKE_IMAGE_MS', '10000']] });
    const { record } = await world.lifecycle.create(
      { spec, metadata: {}, timeoutSeconds: 300 },
      world.signal,
    );
    await access(record.id);
    expect(expiry(record.id)).toBe(record.expiresAt);
    await world.clock.advanceUntil(() => world.record(record.id)?.provisioning.phase === 'ready');
    await world.lifecycle.destroy(record.id, world.signal);
    await access(record.id);
    expect(outcomes).toEqual(['ineligible', 'ineligible']);
  });

  it('costs an unknown id one look into memory', async () => {
    await start();
    const { reads, writes } = store;
    for (let n = 0; n < 1000; n += 1) await access(sandboxId(`nobody-${n}`));
    expect(store.reads - reads).toBe(1000);
    expect(store.writes).toBe(writes);
  });

  it('does nothing when the server does not renew on access', async () => {
    world = await new World().start();
    const id = await running();
    const before = expiry(id);
    await access(id);
    expect(expiry(id)).toBe(before);
  });

  it('survives a restart of the server', async () => {
    const clock = await start();
    const id = await running();
    await access(id);
    const renewed = expiry(id);
    world.kill();
    await world.start();
    expect(expiry(id)).toBe(renewed);
    await clock.advance(599 * SECOND);
    expect(world.state(id)).toBe('Running');
    await clock.advance(2 * SECOND);
    expect(world.record(id)).toBeUndefined();
  });
});

describe('of many accesses', () => {
  it('one in each interval renews, whoever reports them', async () => {
    const clock = await start();
    const id = await running();
    const { writes } = store;
    await access(id, 10_000);
    for (let n = 0; n < 100; n += 1) world.lifecycle.accessed(id, 'redis_queue');
    expect(store.writes - writes).toBe(1);
    await clock.advance(60 * SECOND - 1);
    await access(id);
    expect(store.writes - writes).toBe(1);
    await clock.advance(1);
    await access(id, 4);
    expect(store.writes - writes).toBe(2);
    expect(outcomes.filter((outcome) => outcome === 'renewed')).toHaveLength(2);
  });

  it('those after a failure are left alone for an interval as well', async () => {
    const clock = await start();
    const id = await running({ timeoutSeconds: 300 });
    const { writes } = store;
    store.before = () => Promise.reject(new Error('disk full'));
    await access(id);
    await access(id, 50);
    expect(store.writes - writes).toBe(1);
    expect(world.log.count('sandbox.renew_on_access_failed')).toBe(1);
    store.before = () => Promise.resolve();
    await clock.advance(60 * SECOND);
    await access(id);
    expect(expiry(id)).toBe(clock.now() + 600 * SECOND);
  });

  it('no more than the configured number is worked on, and the others come in order', async () => {
    await start({ concurrency: 2 });
    const ids = [];
    for (let n = 0; n < 5; n += 1) ids.push(await running());
    const gates: (() => void)[] = [];
    store.before = () => new Promise((open) => void gates.push(open));
    for (const id of [...ids, ...ids]) world.lifecycle.accessed(id, 'server_proxy');
    await world.settle();
    expect(gates).toHaveLength(2);
    for (let n = 0; n < 5; n += 1) {
      gates[n]?.();
      await world.settle();
    }
    expect(gates).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === 'renewed')).toHaveLength(5);
  });

  it('those that come after the server began to close do nothing', async () => {
    await start();
    const id = await running();
    const { lifecycle } = world;
    const before = expiry(id);
    await world.stop();
    lifecycle.accessed(id, 'server_proxy');
    await world.settle();
    expect(expiry(id)).toBe(before);
  });
});

describe('a renewal on access that meets', () => {
  /** Runs `meanwhile` between the access and its write. */
  async function whileWaiting(id: SandboxId, meanwhile: () => Promise<unknown>): Promise<void> {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    store.before = () => gate;
    world.lifecycle.accessed(id, 'server_proxy');
    await world.settle();
    store.before = () => Promise.resolve();
    await meanwhile();
    open();
    await world.settle();
  }

  it('a renewal by the user to a later time leaves that', async () => {
    const clock = await start();
    const id = await running();
    const later = clock.now() + 5000 * SECOND;
    await whileWaiting(id, () => world.lifecycle.renew(id, later, world.signal));
    expect(expiry(id)).toBe(later);
    await clock.advance(4999 * SECOND);
    expect(world.state(id)).toBe('Running');
  });

  it('a renewal by the user to an earlier time prolongs that', async () => {
    const clock = await start();
    const id = await running({ timeoutSeconds: 500 });
    await whileWaiting(id, () => world.lifecycle.renew(id, clock.now() + SECOND, world.signal));
    await clock.advance(599 * SECOND);
    expect(world.state(id)).toBe('Running');
  });

  it('a deletion leaves nothing', async () => {
    const clock = await start();
    const id = await running();
    await whileWaiting(id, () => world.lifecycle.destroy(id, world.signal));
    expect(world.record(id)).toBeUndefined();
    expect(outcomes).toEqual(['ineligible']);
    expect(world.log.count('sandbox.renew_on_access_failed')).toBe(0);
    await clock.advance(700 * SECOND);
    expect(world.engine.ids).toEqual([]);
  });

  it('the expiry: the first of the two wins', async () => {
    for (const offset of [-1, 0]) {
      const clock = await start();
      const id = await running();
      const due = expiry(id) ?? 0;
      const timer = clock.at(due + offset, () => world.lifecycle.accessed(id, 'server_proxy'));
      await clock.advance(due - clock.now() + SECOND);
      timer[Symbol.dispose]();
      if (world.record(id) === undefined) expect(world.engine.ids).toEqual([]);
      else expect(expiry(id)).toBe(due + offset + 600 * SECOND);
      if (offset === -1) expect(world.state(id)).toBe('Running');
      await world.stop();
    }
  });
});

describe('with other servers', () => {
  it('renews when it has the right to, and not before the other one is over', async () => {
    const answers = [40 * SECOND, 0];
    const clock = await start({ claim: () => Promise.resolve(answers.shift() ?? 0) });
    const id = await running({ timeoutSeconds: 300 });
    await access(id);
    await clock.advance(40 * SECOND - 1);
    await access(id);
    expect(answers).toEqual([0]);
    await clock.advance(1);
    await access(id);
    expect(outcomes).toEqual(['elsewhere', 'cooling', 'renewed']);
    expect(expiry(id)).toBe(clock.now() + 600 * SECOND);
  });

  it('never waits for longer than an interval, whatever the answer', async () => {
    const answers = [9e15, 0];
    const clock = await start({ claim: () => Promise.resolve(answers.shift() ?? 0) });
    const id = await running({ timeoutSeconds: 300 });
    await access(id);
    await clock.advance(60 * SECOND);
    await access(id);
    expect(outcomes).toEqual(['elsewhere', 'renewed']);
  });

  it('renews when they cannot be asked', async () => {
    await start({ claim: () => Promise.reject(new Error('away')) });
    const id = await running();
    await access(id);
    expect(outcomes).toEqual(['renewed']);
  });

  it('asks nobody about sandboxes that would not be renewed', async () => {
    let asked = 0;
    await start({
      claim: () => {
        asked += 1;
        return Promise.resolve(0);
      },
    });
    await access(await running({ accessRenewSeconds: undefined }));
    await access(sandboxId('nobody'));
    await access(await running({ timeoutSeconds: 3600 }));
    expect(asked).toBe(0);
  });
});
