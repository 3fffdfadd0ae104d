import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { createPace } from './pace.ts';

const BACKOFF = { firstMs: 100, longestMs: 1000, jitter: 0, random: () => 0.5 };
const busy = (retryAfterMs: number) =>
  new Fault('unavailable', 'kubernetes.unavailable', 'busy', { retryAfterMs });

describe('createPace', () => {
  it('waits longer after each attempt that brought nothing, and begins anew after one that did', () => {
    const pace = createPace(BACKOFF);
    expect(Array.from({ length: 6 }, () => pace.nextWaitMs())).toEqual([100, 200, 400, 800, 1000, 1000]);
    pace.worked();
    expect(pace.nextWaitMs()).toBe(100);
  });

  it('waits as long as it is asked to, but no longer than a minute', () => {
    const pace = createPace(BACKOFF);
    expect(pace.nextWaitMs(busy(5000))).toBe(5000);
    expect(pace.nextWaitMs(busy(3_600_000))).toBe(60_000);
    expect(pace.nextWaitMs(busy(1))).toBe(400);
  });
});
