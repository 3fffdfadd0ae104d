import { silentLogger, sleep } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { leakCheck } from './leak-check.ts';

describe('FakeClock', () => {
  it('fires timers in order, each at its own time, also those armed on the way', async () => {
    const clock = new FakeClock(0);
    const seen: string[] = [];
    clock.at(20, () => void seen.push(`b@${clock.now()}`));
    clock.at(10, () => {
      seen.push(`a@${clock.now()}`);
      clock.at(15, () => void seen.push(`c@${clock.now()}`));
    });
    await clock.advance(30);
    expect(seen).toEqual(['a@10', 'c@15', 'b@20']);
    expect(clock.now()).toBe(30);
  });

  it('lets awaiting code go on between timers', async () => {
    const clock = new FakeClock(0);
    const { signal } = new AbortController();
    const done = (async () => {
      for (let round = 0; round < 3; round += 1) await sleep(clock, 10, signal);
      return clock.now();
    })();
    await clock.advance(100);
    expect(await done).toBe(30);
  });

  it('never fires inside the call that armed it', async () => {
    const clock = new FakeClock(100);
    let hasFired = false;
    clock.at(50, () => (hasFired = true));
    expect(hasFired).toBe(false);
    await clock.advance(0);
    expect(hasFired).toBe(true);
  });

  it('leaps like a wall clock that is set: timers wait as long as before', async () => {
    const clock = new FakeClock(0);
    let hasFired = false;
    clock.at(10, () => (hasFired = true));
    clock.leap(1000);
    await clock.advance(9);
    expect(hasFired).toBe(false);
    await clock.advance(1);
    expect(hasFired).toBe(true);
  });
});

describe('leakCheck', () => {
  it('names the scopes and timers that outlive a test', async () => {
    const clock = new FakeClock(0);
    const leaks = leakCheck(clock);
    const scope = leaks.openScope(silentLogger);
    const timer = clock.at(10, () => undefined);
    await expect(leaks.assertClean()).rejects.toThrow(
      /a Scope is still open[\s\S]*fake-clock\.test[\s\S]*a timer/,
    );
    timer[Symbol.dispose]();
    await scope[Symbol.asyncDispose]();
    await leaks.assertClean();
  });
});
