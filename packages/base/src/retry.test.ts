import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { Fault } from './fault.ts';
import { backoffMs, retry } from './retry.ts';

const backoff = { firstMs: 100, longestMs: 1000, jitter: 0, random: () => 0.5 };
const { signal } = new AbortController();

describe('backoffMs', () => {
  it('doubles up to its longest, within the jitter', () => {
    expect([1, 2, 3, 4, 5, 50].map((attempt) => backoffMs(backoff, attempt))).toEqual([
      100, 200, 400, 800, 1000, 1000,
    ]);
    const lowest = backoffMs({ ...backoff, jitter: 0.2, random: () => 0 }, 1);
    const highest = backoffMs({ ...backoff, jitter: 0.2, random: () => 0.999_999 }, 1);
    expect([lowest, highest]).toEqual([80, 120]);
  });
});

describe('retry', () => {
  const away = new Fault('unavailable', 'engine.unavailable', 'away');

  it('repeats what may work later', async () => {
    const clock = new FakeClock(0);
    let left = 2;
    const work = async (): Promise<string> => {
      if (left === 0) return 'done';
      left -= 1;
      throw away;
    };
    const done = retry({ clock, backoff, attempts: 3 }, work, signal);
    await clock.advance(300);
    expect(await done).toBe('done');
  });

  it('gives up after its attempts, with the last error', async () => {
    const clock = new FakeClock(0);
    const failing = expect(
      retry({ clock, backoff, attempts: 2 }, () => Promise.reject(away), signal),
    ).rejects.toBe(away);
    await clock.advance(100);
    await failing;
  });

  it('does not repeat what cannot work', async () => {
    const refusal = new Fault('invalid', 'a.b', 'no');
    let runs = 0;
    const work = (): Promise<never> => {
      runs += 1;
      return Promise.reject(refusal);
    };
    await expect(retry({ clock: new FakeClock(0), backoff, attempts: 5 }, work, signal)).rejects.toBe(
      refusal,
    );
    expect(runs).toBe(1);
  });
});
