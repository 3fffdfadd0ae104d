import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { ProcessGroup } from './process-group.ts';
import { terminateGroup } from './terminate.ts';

/** A group that ends `afterMs` after the signal it listens to. */
function fakeGroup(clock: FakeClock, listensTo: string, afterMs: number): ProcessGroup & { sent: string[] } {
  let goneAt = Infinity;
  const sent: string[] = [];
  const isAlive = (): boolean => clock.now() < goneAt;
  return {
    pid: 1,
    sent,
    exited: new Promise(() => undefined),
    isAlive,
    signal(name) {
      if (!isAlive()) return false;
      sent.push(name);
      if (name === listensTo) goneAt = clock.now() + afterMs;
      return true;
    },
  };
}

async function terminate(clock: FakeClock, group: ProcessGroup): Promise<number> {
  const options = { clock, graceMs: 3000, pollMs: 50, confirmMs: 150 };
  const started = clock.now();
  let done = false;
  const work = terminateGroup(group, options, new AbortController().signal).then(() => (done = true));
  await clock.advanceUntil(() => done, 5);
  await work;
  return clock.now() - started;
}

describe('terminateGroup', () => {
  it('asks and is done when the group is gone', async () => {
    const clock = new FakeClock();
    const group = fakeGroup(clock, 'SIGTERM', 100);
    expect(await terminate(clock, group)).toBeLessThan(200);
    expect(group.sent).toEqual(['SIGTERM']);
  });

  it('kills what has not ended after the grace time', async () => {
    const clock = new FakeClock();
    const group = fakeGroup(clock, 'SIGKILL', 0);
    expect(await terminate(clock, group)).toBeGreaterThanOrEqual(3000);
    expect(group.sent).toEqual(['SIGTERM', 'SIGKILL']);
  });

  it('gives up on what does not even die', async () => {
    const clock = new FakeClock();
    expect(await terminate(clock, fakeGroup(clock, 'nothing', 0))).toBeLessThan(3500);
  });

  it('does nothing when nobody is left', async () => {
    const clock = new FakeClock();
    const group = fakeGroup(clock, 'SIGTERM', 0);
    group.signal('SIGTERM');
    expect(await terminate(clock, group)).toBe(0);
    expect(group.sent).toEqual(['SIGTERM']);
  });
});
