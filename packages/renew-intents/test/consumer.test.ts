import { type Scope, Secret, openScope, systemClock } from '@opensandbox/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type IntentConsumer, openIntentConsumer } from '../src/index.ts';
import { type LogLines, captureLines } from './support/log-lines.ts';
import { type RedisOptions, type TestRedis, intentOf, openTestRedis } from './support/redis.ts';

const KEY = 'opensandbox:renew:intent';
const SOON = { timeout: 45_000, interval: 20 };

let redis: TestRedis;
let scope: Scope;
let logs: LogLines;
let delivered: string[];

beforeEach(() => {
  logs = captureLines();
  scope = openScope(logs.log);
  delivered = [];
});

afterEach(async () => {
  await scope[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

async function open(options: RedisOptions = {}): Promise<void> {
  redis = await openTestRedis(options);
}

interface Wish {
  readonly dsn?: string;
  readonly concurrency?: number;
  readonly deliver?: (id: string) => void;
}

function consume({ dsn = redis.dsn, concurrency = 2, deliver }: Wish = {}): IntentConsumer {
  return openIntentConsumer(
    {
      dsn: new Secret(dsn),
      queueKey: KEY,
      concurrency,
      deliver: deliver ?? ((id) => void delivered.push(id)),
    },
    { clock: systemClock(), log: logs.log, random: Math.random },
    scope,
  );
}

const push = (...elements: (string | Buffer)[]): Promise<number> => redis.client.lpush(KEY, ...elements);

describe('the consumer', () => {
  it('delivers what gateways left, the oldest first, and drops what is nothing or too old', async () => {
    await open();
    await push(
      intentOf('a'),
      'not json',
      intentOf(' b '),
      '[]',
      'null',
      intentOf('old', Date.now() - 301_000),
    );
    await push(intentOf('ahead', Date.now() + 3_600_000), intentOf(' '), '{"sandbox_id":7}', intentOf('c'));
    const consumer = consume({ concurrency: 1 });
    await expect.poll(() => delivered, SOON).toEqual(['a', 'b', 'ahead', 'c']);
    expect(consumer.state()).toEqual({ connections: 1, delivered: 4, malformed: 5, stale: 1 });
  });

  it('gets past elements that are no text, with every one of its connections', async () => {
    await open();
    const consumer = consume({ concurrency: 8 });
    await expect.poll(() => consumer.state().connections, SOON).toBe(8);
    for (let n = 0; n < 20; n += 1) await push(Buffer.of(0xff, 0xfe));
    await push(intentOf('a'));
    await expect.poll(() => delivered, SOON).toEqual(['a']);
    await expect.poll(() => consumer.state(), SOON).toMatchObject({ connections: 8, malformed: 20 });
  });

  it('goes on when the one it delivers to throws', async () => {
    await open();
    consume({
      deliver(id) {
        if (id === 'bad') throw new Error('no');
        delivered.push(id);
      },
    });
    await push(intentOf('bad'));
    await push(intentOf('good'));
    await expect.poll(() => delivered, SOON).toEqual(['good']);
    await expect.poll(() => logs.count('renew.handle_failed'), SOON).toBe(1);
  });

  it('takes from the database that it is told, and from no other when there is no such one', async () => {
    await open();
    await push(intentOf('first'));
    consume({ dsn: `${redis.dsn}/99` });
    await expect.poll(() => logs.text(), SOON).toContain('out of range');
    await redis.client.select(3);
    await push(intentOf('third'));
    consume({ dsn: `${redis.dsn}/3` });
    await expect.poll(() => delivered, SOON).toEqual(['third']);
  });

  it('works over a socket, with a password', async () => {
    await open({ password: 'p@ss/w%rd' });
    consume({ dsn: redis.socketDsn });
    await push(intentOf('a'));
    await expect.poll(() => delivered, SOON).toEqual(['a']);
    expect(logs.text()).not.toContain('p@ss');
  });

  it('works over TLS, and refuses a certificate that nobody vouches for', async () => {
    await open({ isTls: true });
    await push(intentOf('a'));
    consume();
    await expect.poll(() => logs.count('renew.redis_unreachable'), SOON).toBe(1);
    expect(logs.text()).toMatch(/self.signed/i);
    expect(delivered).toEqual([]);
    consume({ dsn: `${redis.dsn}?ssl_cert_reqs=none` });
    await expect.poll(() => delivered, SOON).toEqual(['a']);
  });

  it('tells once that a password is wrong, without telling it, and works when it is right again', async () => {
    await open({ password: 'right-one' });
    consume({ dsn: redis.dsn.replace('right-one', 'hunter2') });
    await expect.poll(() => logs.count('renew.redis_unreachable'), SOON).toBe(1);
    expect(logs.text()).toMatch(/NOAUTH|WRONGPASS/);
    await redis.client.config('SET', 'requirepass', 'hunter2');
    await push(intentOf('a'));
    await expect.poll(() => delivered, SOON).toEqual(['a']);
    expect(logs.text()).not.toContain('hunter2');
    expect(logs.count('renew.redis_unreachable')).toBe(1);
  });

  it('connects to a Redis that comes later, and again to one that was killed', async () => {
    await open({ isDown: true });
    const consumer = consume();
    await expect.poll(() => logs.count('renew.redis_unreachable'), SOON).toBe(1);
    await redis.start();
    await push(intentOf('a'));
    await expect.poll(() => delivered, SOON).toEqual(['a']);
    await redis.kill();
    await expect.poll(() => consumer.state().connections, SOON).toBe(0);
    await redis.start();
    await push(intentOf('b'));
    await expect.poll(() => delivered, SOON).toEqual(['a', 'b']);
    expect(logs.count('renew.redis_lost')).toBe(1);
    expect(logs.count('renew.redis_connected')).toBe(2);
  });

  it('gives up a Redis that stands still, and goes on with it when it moves again', async () => {
    await open();
    const consumer = consume();
    await expect.poll(() => consumer.state().connections, SOON).toBe(2);
    redis.freeze();
    await expect.poll(() => consumer.state().connections, SOON).toBe(0);
    redis.thaw();
    await push(intentOf('a'));
    await expect.poll(() => delivered, SOON).toEqual(['a']);
  }, 120_000);

  it('goes on when the key held something else for a while', async () => {
    await open();
    await redis.client.set(KEY, 'text');
    consume();
    await expect.poll(() => logs.text(), SOON).toContain('WRONGTYPE');
    await redis.client.del(KEY);
    await push(intentOf('a'));
    await expect.poll(() => delivered, SOON).toEqual(['a']);
  });

  it('ends with its scope, whatever Redis does, and takes nothing afterwards', async () => {
    await open();
    const consumer = consume({ concurrency: 8 });
    await expect.poll(() => consumer.state().connections, SOON).toBe(8);
    await scope[Symbol.asyncDispose]();
    await expect.poll(async () => countClients(), SOON).toBe(0);
    await push(intentOf('late'));
    expect(await redis.client.llen(KEY)).toBe(1);
    expect(delivered).toEqual([]);
  });

  it('loses at most what each connection has in hand when it ends under load', async () => {
    await open();
    const sent = 5000;
    const elements = Array.from({ length: sent }, (_, n) => intentOf(`s-${n}`));
    await push(...elements);
    consume({ concurrency: 4 });
    await expect.poll(() => delivered.length, { ...SOON, interval: 1 }).toBeGreaterThan(20);
    await scope[Symbol.asyncDispose]();
    const left = await redis.client.llen(KEY);
    expect(new Set(delivered).size).toBe(delivered.length);
    expect(sent - left - delivered.length).toBeLessThanOrEqual(4);
  });
});

async function countClients(): Promise<number> {
  const list = (await redis.client.client('LIST')) as string;
  return list.split('\n').filter((line) => line.includes('name=opensandbox-renew')).length;
}
