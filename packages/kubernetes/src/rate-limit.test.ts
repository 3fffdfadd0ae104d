import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createRateLimit } from './rate-limit.ts';

const never = new AbortController().signal;

describe('createRateLimit', () => {
  it('lets a burst through, then as many as it was told, in order', async () => {
    const clock = new FakeClock(0);
    const rate = createRateLimit({ perSecond: 10, burst: 3 }, clock);
    const passed: string[] = [];
    for (let index = 0; index < 6; index += 1)
      void rate.take(never).then(() => passed.push(`${index} at ${clock.now()}`));
    await clock.advance(300);
    expect(passed).toEqual(['0 at 0', '1 at 0', '2 at 0', '3 at 100', '4 at 200', '5 at 300']);
    await clock.advance(10_000);
    void rate.take(never).then(() => passed.push('rested'));
    await clock.advance(0);
    expect(passed.at(-1)).toBe('rested');
  });

  it('knows no limit when it is told none', async () => {
    const rate = createRateLimit({ perSecond: 0, burst: 0 }, new FakeClock());
    for (let index = 0; index < 100; index += 1) await rate.take(never);
  });

  it('ends the wait of who went away', async () => {
    const clock = new FakeClock();
    const rate = createRateLimit({ perSecond: 1, burst: 1 }, clock);
    await rate.take(never);
    const gone = new AbortController();
    const waiting = rate.take(gone.signal);
    gone.abort();
    await expect(waiting).rejects.toMatchObject({ kind: 'cancelled' });
    expect(clock.pending).toEqual([]);
  });
});
