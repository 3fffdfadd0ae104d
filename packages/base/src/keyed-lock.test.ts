import { settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createKeyedLock } from './keyed-lock.ts';

const never = new AbortController().signal;

function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('KeyedLock', () => {
  it('runs tasks of one key one after another, in order', async () => {
    const lock = createKeyedLock<string>();
    const seen: string[] = [];
    const task = (name: string) => async () => {
      seen.push(`${name} in`);
      await settle(1);
      seen.push(`${name} out`);
    };
    await Promise.all(['a', 'b', 'c'].map((name) => lock.run('key', task(name), never)));
    expect(seen).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
  });

  it('runs different keys side by side', async () => {
    const lock = createKeyedLock<string>();
    const first = gate();
    const slow = lock.run('a', () => first.opened, never);
    expect(await lock.run('b', async () => 'done', never)).toBe('done');
    first.open();
    await slow;
  });

  it('goes on after a task that failed, and passes its error on', async () => {
    const lock = createKeyedLock<string>();
    const failing = lock.run('a', () => Promise.reject(new Error('broken')), never);
    const next = lock.run('a', async () => 'fine', never);
    await expect(failing).rejects.toThrow('broken');
    expect(await next).toBe('fine');
  });

  it('lets a waiter leave without letting the one behind it in too early', async () => {
    const lock = createKeyedLock<string>();
    const first = gate();
    const leaver = new AbortController();
    let hasStarted = false;
    const running = lock.run('a', () => first.opened, never);
    const leaving = lock.run('a', async () => expect.unreachable(), leaver.signal);
    const third = lock.run('a', async () => (hasStarted = true), never);
    leaver.abort();
    await expect(leaving).rejects.toMatchObject({ kind: 'cancelled' });
    await settle();
    expect(hasStarted).toBe(false);
    first.open();
    await Promise.all([running, third]);
    expect(hasStarted).toBe(true);
  });

  it('is busy while somebody holds or awaits the key, and not afterwards', async () => {
    const lock = createKeyedLock<string>();
    const work = lock.run('a', () => settle(1), never);
    expect([lock.isBusy('a'), lock.isBusy('b')]).toEqual([true, false]);
    await work;
    await settle();
    expect(lock.isBusy('a')).toBe(false);
  });
});
