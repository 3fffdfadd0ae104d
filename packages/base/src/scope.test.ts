import { captureLog, settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { openScope } from './scope.ts';

describe('Scope', () => {
  it('aborts, awaits its tasks, then closes what it owns in reverse', async () => {
    const seen: string[] = [];
    const scope = openScope(captureLog());
    const owned = (name: string): Disposable => ({ [Symbol.dispose]: () => void seen.push(name) });
    scope.own(owned('store'));
    scope.own({
      async [Symbol.asyncDispose]() {
        await settle(1);
        seen.push('driver');
      },
    });
    scope.run('loop', async (signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await settle(1);
      seen.push('loop');
    });
    await scope[Symbol.asyncDispose]();
    expect(seen).toEqual(['loop', 'driver', 'store']);
  });

  it('closes once however often it is asked', async () => {
    let closed = 0;
    const scope = openScope(captureLog());
    scope.own({ [Symbol.dispose]: () => void (closed += 1) });
    await Promise.all([scope[Symbol.asyncDispose](), scope[Symbol.asyncDispose]()]);
    expect(closed).toBe(1);
  });

  it('logs a task that fails while it is open, not one that ends with the scope', async () => {
    const log = captureLog();
    const scope = openScope(log);
    scope.run('broken', () => Promise.reject(new Error('x')));
    scope.run('ending', (signal) => new Promise((_, reject) => signal.addEventListener('abort', reject)));
    await settle();
    await scope[Symbol.asyncDispose]();
    expect(log.lines).toMatchObject([{ level: 'error', event: 'task.failed', fields: { task: 'broken' } }]);
  });

  it('closes the rest when one resource cannot be closed', async () => {
    const log = captureLog();
    const scope = openScope(log);
    let isClosed = false;
    scope.own({ [Symbol.dispose]: () => void (isClosed = true) });
    scope.own({
      [Symbol.dispose]() {
        throw new Error('stuck');
      },
    });
    await scope[Symbol.asyncDispose]();
    expect(isClosed).toBe(true);
    expect(log.count('scope.close_failed')).toBe(1);
  });
});
