import { Fault } from '@opensandbox/base';
import { FakeClock, settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createLookupCache } from './lookup-cache.ts';

const never = new AbortController().signal;
const away = () => new Fault('unavailable', 'source.away', 'away');
const missing = () => new Fault('not_found', 'sandbox.not_found', 'missing');

function setUp() {
  const clock = new FakeClock();
  const cache = createLookupCache<number>({ freshMs: 5_000, staleMs: 60_000, missMs: 1_000, most: 2 }, clock);
  const source = { asked: 0, answer: async (): Promise<number> => source.asked };
  const get = (key = 'a') =>
    cache.get(
      key,
      () => {
        source.asked += 1;
        return source.answer();
      },
      never,
    );
  return { clock, cache, source, get };
}

describe('a lookup cache', () => {
  it('asks once for many, and again when the answer is not fresh any more', async () => {
    const { clock, get, source } = setUp();
    expect(await Promise.all([get(), get(), get()])).toEqual([1, 1, 1]);
    await clock.advance(4_999);
    expect(await get()).toBe(1);
    await clock.advance(1);
    expect(await get()).toBe(2);
    expect(source.asked).toBe(2);
  });

  it('answers from before while the source is away, without asking each time', async () => {
    const { clock, get, source } = setUp();
    await get();
    source.answer = () => Promise.reject(away());
    await clock.advance(5_000);
    expect(await get()).toBe(1);
    expect(await get()).toBe(1);
    expect(source.asked).toBe(2);
    await clock.advance(2_000);
    expect(await get()).toBe(1);
    expect(source.asked).toBe(3);
    await clock.advance(60_000);
    await expect(get()).rejects.toThrow('away');
  });

  it('forgets at once what the source says is not there, and believes it for a moment', async () => {
    const { clock, get, source } = setUp();
    await get();
    await clock.advance(5_000);
    source.answer = () => Promise.reject(missing());
    await expect(get()).rejects.toThrow('missing');
    await expect(get()).rejects.toThrow('missing');
    expect(source.asked).toBe(2);
    source.answer = () => Promise.reject(away());
    await clock.advance(1_000);
    await expect(get()).rejects.toThrow('away');
    source.answer = () => Promise.resolve(7);
    expect(await get()).toBe(7);
  });

  it('asks again after a doubt, and keeps the old answer when nobody answers', async () => {
    const { cache, get, source } = setUp();
    await get();
    cache.doubt('a');
    expect(await get()).toBe(2);
    cache.doubt('a');
    source.answer = () => Promise.reject(away());
    expect(await get()).toBe(2);
  });

  it('holds no more than it may', async () => {
    const { cache, get } = setUp();
    for (const key of ['a', 'b', 'a', 'c']) await get(key);
    expect(cache.size).toBe(2);
    await settle();
    expect(await get('a')).toBe(1);
  });

  it('does not remember that a caller left', async () => {
    const { cache, source } = setUp();
    const leaving = new AbortController();
    source.answer = () => new Promise(() => undefined);
    const gone = cache.get('a', () => source.answer(), leaving.signal);
    leaving.abort();
    await expect(gone).rejects.toMatchObject({ kind: 'cancelled' });
    expect(await cache.get('a', () => Promise.resolve(1), never)).toBe(1);
  });
});
