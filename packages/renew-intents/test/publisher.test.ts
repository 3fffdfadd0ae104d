import { type Scope, Secret, openScope, systemClock } from '@opensandbox/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type IntentPublisher, type IntentPublisherOptions, openIntentPublisher } from '../src/index.ts';
import { type LogLines, captureLines } from './support/log-lines.ts';
import { type RedisOptions, type TestRedis, openTestRedis } from './support/redis.ts';

const KEY = 'intents';
const SOON = { timeout: 45_000, interval: 20 };

let redis: TestRedis;
let scope: Scope;
let logs: LogLines;

beforeEach(() => {
  logs = captureLines();
  scope = openScope(logs.log);
});

afterEach(async () => {
  await scope[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

async function open(
  change: Partial<IntentPublisherOptions> = {},
  options: RedisOptions = {},
): Promise<IntentPublisher> {
  redis = await openTestRedis(options);
  const wish = { queueKey: KEY, maxLength: undefined, minIntervalMs: 0, ...change };
  const deps = { clock: systemClock(), log: logs.log, random: Math.random };
  return openIntentPublisher({ dsn: new Secret(redis.dsn), ...wish }, deps, scope);
}

const intent = (sandboxId: string, observedAt = Date.now()): { sandboxId: string; observedAt: number } => ({
  sandboxId,
  observedAt,
});

describe('the publisher', () => {
  it('leaves each intent at the head of the list', async () => {
    const publisher = await open();
    publisher.publish({ ...intent('a', Date.UTC(2026, 10, 20)), port: 8080, requestUri: '/<x>' });
    await expect.poll(() => publisher.state().dropped, SOON).toBe(1);
    const now = Date.now();
    publisher.publish({ ...intent('b', now), port: 8080, requestUri: '/<x>' });
    await expect.poll(() => publisher.state().published, SOON).toBe(1);
    const [element = ''] = await redis.client.lrange(KEY, 0, -1);
    expect(JSON.parse(element)).toEqual({
      sandbox_id: 'b',
      observed_at: new Date(now).toISOString(),
      port: 8080,
      request_uri: '/<x>',
    });
  });

  it('keeps the newest of the list when it has an end', async () => {
    const publisher = await open({ maxLength: 3 });
    for (let n = 0; n < 10; n += 1) {
      publisher.publish(intent(`s-${n}`));
      await expect.poll(() => publisher.state().published, SOON).toBe(n + 1);
    }
    const elements = await redis.client.lrange(KEY, 0, -1);
    expect(elements.map((text) => (JSON.parse(text) as { sandbox_id: string }).sandbox_id)).toEqual([
      's-9',
      's-8',
      's-7',
    ]);
  });

  it('lets one intent of a sandbox pass in an interval, also when that one is lost', async () => {
    const publisher = await open({ minIntervalMs: 3_600_000 }, { isDown: true });
    for (let n = 0; n < 100; n += 1) publisher.publish(intent('a'));
    publisher.publish(intent('b'));
    expect(publisher.state()).toMatchObject({ waiting: 2, throttled: 99 });
    await redis.start();
    await expect.poll(() => publisher.state().published, SOON).toBe(2);
  });

  it('holds a bounded number of intents while Redis is away, and sends them when it comes', async () => {
    const publisher = await open({}, { isDown: true });
    for (let n = 0; n < 10_000; n += 1) publisher.publish(intent(`s-${n}`));
    expect(publisher.state()).toMatchObject({ isConnected: false, waiting: 8192, dropped: 1808 });
    await redis.start();
    await expect.poll(() => publisher.state().published, SOON).toBe(8192);
    expect(await redis.client.llen(KEY)).toBe(8192);
    expect(logs.count('renew.redis_unreachable')).toBeLessThanOrEqual(1);
  });

  it('goes on after a Redis that was killed or stood still', async () => {
    const publisher = await open();
    await expect.poll(() => publisher.state().isConnected, SOON).toBe(true);
    redis.freeze();
    for (let n = 0; n < 100; n += 1) publisher.publish(intent(`frozen-${n}`));
    await expect.poll(() => publisher.state().isConnected, SOON).toBe(false);
    redis.thaw();
    await expect.poll(() => publisher.state().waiting, SOON).toBe(0);
    await redis.kill();
    await expect.poll(() => publisher.state().isConnected, SOON).toBe(false);
    publisher.publish(intent('again'));
    const { published } = publisher.state();
    await redis.start();
    await expect.poll(() => publisher.state().published, SOON).toBe(published + 1);
  }, 120_000);

  it('ends with its scope, also with intents that nobody takes', async () => {
    const publisher = await open({}, { isDown: true });
    for (let n = 0; n < 10; n += 1) publisher.publish(intent(`s-${n}`));
    await scope[Symbol.asyncDispose]();
    publisher.publish(intent('late'));
    expect(publisher.state().waiting).toBe(10);
    expect(logs.count('task.failed')).toBe(0);
  });
});
