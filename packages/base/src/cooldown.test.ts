import { describe, expect, it } from 'vitest';
import { createCooldown } from './cooldown.ts';

function fixture(firstLimit = 10) {
  let now = 1000;
  const clock = { now: () => now, at: () => ({ [Symbol.dispose]: () => undefined }) };
  return { cooldown: createCooldown<number>(clock, firstLimit), pass: (ms: number) => void (now += ms) };
}

describe('a cooldown', () => {
  it('leaves a key alone for as long as was asked, and no other', () => {
    const { cooldown, pass } = fixture();
    cooldown.cool(1, 50);
    pass(49);
    expect(cooldown.isCooling(1)).toBe(true);
    expect(cooldown.isCooling(2)).toBe(false);
    pass(1);
    expect(cooldown.isCooling(1)).toBe(false);
  });

  it('counts from the latest time it was asked', () => {
    const { cooldown, pass } = fixture();
    cooldown.cool(1, 50);
    pass(40);
    cooldown.cool(1, 50);
    pass(40);
    expect(cooldown.isCooling(1)).toBe(true);
  });

  it('is over when the wall clock is set back', () => {
    const { cooldown, pass } = fixture();
    cooldown.cool(1, 50);
    pass(-1);
    expect(cooldown.isCooling(1)).toBe(false);
  });

  it('forgets what has cooled, and nothing else', () => {
    const { cooldown, pass } = fixture(10);
    cooldown.cool(-1, 1_000_000);
    for (let key = 0; key < 10_000; key += 1) {
      cooldown.cool(key, 50);
      pass(10);
    }
    expect(cooldown.size).toBeLessThanOrEqual(20);
    expect(cooldown.isCooling(-1)).toBe(true);
    expect(cooldown.isCooling(9_999)).toBe(true);
  });
});
