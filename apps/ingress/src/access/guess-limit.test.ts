import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createGuessLimit } from './guess-limit.ts';

describe('a guess limit', () => {
  const options = { guesses: 3, windowMs: 60_000, sandboxes: 2 };

  it('is reached after so many failures, and over when its window ends', async () => {
    const clock = new FakeClock();
    const limit = createGuessLimit(options, clock);
    for (let failure = 0; failure < 3; failure += 1) {
      expect(limit.waitMs('a')).toBe(0);
      limit.failed('a');
    }
    expect(limit.waitMs('a')).toBe(60_000);
    expect(limit.waitMs('b')).toBe(0);
    await clock.advance(59_000);
    expect(limit.waitMs('a')).toBe(1_000);
    await clock.advance(1_000);
    expect(limit.waitMs('a')).toBe(0);
    limit.failed('a');
    expect(limit.waitMs('a')).toBe(0);
  });

  it('forgets the sandbox that was longest untouched when there are too many', () => {
    const limit = createGuessLimit({ ...options, guesses: 1 }, new FakeClock());
    for (const id of ['a', 'b', 'c']) limit.failed(id);
    expect(['a', 'b', 'c'].map((id) => limit.waitMs(id) > 0)).toEqual([false, true, true]);
  });
});
