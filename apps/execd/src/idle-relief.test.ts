import { FakeClock } from '@opensandbox/testkit';
import { expect, it } from 'vitest';
import { idleRelief } from './idle-relief.ts';

it('idleRelief collects once when use has stopped for a while, and again after the next use', async () => {
  const clock = new FakeClock(0);
  let collected = 0;
  const used = idleRelief(clock, () => (collected += 1));
  await clock.advance(60_000);
  expect(collected).toBe(0);
  used();
  await clock.advance(4000);
  used();
  await clock.advance(4000);
  expect(collected).toBe(0);
  await clock.advance(60_000);
  expect([collected, clock.pending.length]).toEqual([1, 0]);
  used();
  await clock.advance(5000);
  expect(collected).toBe(2);
});
