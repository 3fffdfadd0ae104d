import { type Scope, Secret, openScope, silentLogger, systemClock } from '@opensandbox/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RenewLock, openRenewLock } from '../src/index.ts';
import { type TestRedis, openTestRedis } from './support/redis.ts';

const SOON = { timeout: 45_000, interval: 20 };
const { signal } = new AbortController();

let redis: TestRedis;
let scope: Scope;

beforeEach(async () => {
  redis = await openTestRedis();
  scope = openScope(silentLogger);
});

afterEach(async () => {
  await scope[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

async function open(intervalSeconds: number): Promise<RenewLock> {
  const deps = { clock: systemClock(), log: silentLogger, random: Math.random };
  const lock = openRenewLock({ dsn: new Secret(redis.dsn), intervalSeconds }, deps, scope);
  await expect.poll(() => lock.isConnected(), SOON).toBe(true);
  return lock;
}

describe('the lock', () => {
  it('grants one of two servers the right, and tells the other how long it lasts', async () => {
    const [first, second] = [await open(60), await open(60)];
    const answers = await Promise.all([first.claim('a', signal), second.claim('a', signal)]);
    expect(answers).toContain(0);
    const left = Math.max(...answers);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(60_000);
    expect(await second.claim('b', signal)).toBe(0);
    expect(await redis.client.ttl('opensandbox:renew:lock:a')).toBeGreaterThan(0);
  });

  it('grants it again after the interval', async () => {
    const lock = await open(1);
    expect(await lock.claim('a', signal)).toBe(0);
    await expect.poll(() => lock.claim('a', signal), SOON).toBe(0);
  });

  it('grants it when somebody left a lock that never ends', async () => {
    const lock = await open(60);
    await redis.client.set('opensandbox:renew:lock:a', '1');
    expect(await lock.claim('a', signal)).toBe(0);
  });

  it('rejects while Redis stands still or is gone, and works when it is back', async () => {
    const lock = await open(60);
    redis.freeze();
    await expect(lock.claim('a', signal)).rejects.toMatchObject({ kind: 'timeout' });
    await expect(lock.claim('a', signal)).rejects.toMatchObject({ kind: 'unavailable' });
    redis.thaw();
    await expect.poll(() => lock.isConnected(), SOON).toBe(true);
    await redis.kill();
    await expect.poll(() => lock.isConnected(), SOON).toBe(false);
    await expect(lock.claim('a', signal)).rejects.toMatchObject({ kind: 'unavailable' });
    await redis.start();
    await expect.poll(() => lock.isConnected(), SOON).toBe(true);
    expect(await lock.claim('b', signal)).toBe(0);
  });
});
