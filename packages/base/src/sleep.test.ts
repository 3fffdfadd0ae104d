import { FakeClock, settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { Fault } from './fault.ts';
import { abortable, checkAborted, deadline, sleep } from './sleep.ts';

describe('sleep', () => {
  it('ends when its time has come, and leaves no timer', async () => {
    const clock = new FakeClock(0);
    const sleeping = sleep(clock, 100, new AbortController().signal);
    await clock.advance(100);
    await sleeping;
    expect(clock.pending).toHaveLength(0);
  });

  it('ends at once with the reason of its signal, and leaves no timer', async () => {
    const clock = new FakeClock(0);
    const controller = new AbortController();
    const sleeping = sleep(clock, 100, controller.signal);
    const reason = new Fault('timeout', 'a.b', 'late');
    controller.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    expect(clock.pending).toHaveLength(0);
    await expect(sleep(clock, 100, AbortSignal.abort())).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

describe('abortable', () => {
  it('passes the work on, and its failure', async () => {
    const { signal } = new AbortController();
    expect(await abortable(Promise.resolve(1), signal)).toBe(1);
    await expect(abortable(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken');
  });

  it('stops waiting when the signal aborts, also before it began', async () => {
    const controller = new AbortController();
    const waiting = abortable(new Promise(() => undefined), controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ kind: 'cancelled' });
    await expect(abortable(Promise.reject(new Error('x')), controller.signal)).rejects.toMatchObject({
      kind: 'cancelled',
    });
  });
});

describe('deadline', () => {
  const late = (): Fault => new Fault('timeout', 'a.b', 'late');

  it('aborts with its fault when the time has passed', async () => {
    const clock = new FakeClock(0);
    using limit = deadline(clock, 50, new AbortController().signal, late);
    await clock.advance(50);
    expect(() => checkAborted(limit.signal)).toThrow('late');
  });

  it('aborts with its parent, and leaves neither timer nor listener', async () => {
    const clock = new FakeClock(0);
    const parent = new AbortController();
    const limit = deadline(clock, 50, parent.signal, late);
    parent.abort();
    expect(limit.signal.aborted).toBe(true);
    limit[Symbol.dispose]();
    await settle();
    expect(clock.pending).toHaveLength(0);
    using second = deadline(clock, 50, parent.signal, late);
    expect(second.signal.aborted).toBe(true);
  });
});
