import { settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createSemaphore } from './semaphore.ts';

const never = new AbortController().signal;

describe('Semaphore', () => {
  it('lets no more in than its limit, and everybody in the end', async () => {
    const semaphore = createSemaphore(3);
    let inside = 0;
    let most = 0;
    const task = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await settle(1);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 10 }, () => semaphore.run(task, never)));
    expect(most).toBe(3);
    expect(inside).toBe(0);
  });

  it('does not lose a place when a waiter leaves or a task fails', async () => {
    const semaphore = createSemaphore(1);
    let finish: () => void = () => undefined;
    const holder = semaphore.run(() => new Promise<void>((resolve) => (finish = resolve)), never);
    const leaver = new AbortController();
    const leaving = semaphore.run(async () => expect.unreachable(), leaver.signal);
    leaver.abort();
    await expect(leaving).rejects.toMatchObject({ kind: 'cancelled' });
    await settle(1);
    finish();
    await holder;
    await expect(semaphore.run(() => Promise.reject(new Error('broken')), never)).rejects.toThrow('broken');
    expect(await semaphore.run(async () => 'in', never)).toBe('in');
  });

  it('refuses a caller whose signal has already aborted', async () => {
    const task = async (): Promise<never> => expect.unreachable();
    await expect(createSemaphore(1).run(task, AbortSignal.abort())).rejects.toMatchObject({
      kind: 'cancelled',
    });
  });
});
