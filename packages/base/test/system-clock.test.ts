import { describe, expect, it } from 'vitest';
import { systemClock } from '../src/index.ts';

const DAY = 86_400_000;

describe('systemClock', () => {
  const clock = systemClock();

  it('fires at once what is due, but never inside the call', async () => {
    let hasFired = false;
    await new Promise<void>((resolve) => {
      clock.at(clock.now() - 5, () => {
        hasFired = true;
        resolve();
      });
      expect(hasFired).toBe(false);
    });
  });

  it.each([25, 30, 36_500])('does not fire a wait of %i days early', async (days) => {
    let hasFired = false;
    using timer = clock.at(clock.now() + days * DAY, () => (hasFired = true));
    await new Promise<void>((resolve) => clock.at(clock.now() + 30, resolve));
    expect(hasFired).toBe(false);
    expect(timer).toBeDefined();
  });

  it('keeps the process alive while a timer is armed, and no longer', () => {
    const count = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = count();
    const timer = clock.at(clock.now() + DAY, () => undefined);
    expect(count()).toBe(before + 1);
    timer[Symbol.dispose]();
    expect(count()).toBe(before);
  });

  it('does not fire what was disposed', async () => {
    let hasFired = false;
    clock.at(clock.now() + 5, () => (hasFired = true))[Symbol.dispose]();
    await new Promise<void>((resolve) => clock.at(clock.now() + 30, resolve));
    expect(hasFired).toBe(false);
  });
});
