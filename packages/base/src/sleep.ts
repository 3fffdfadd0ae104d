import type { Clock } from './clock.ts';
import { Fault } from './fault.ts';

/** Resolves after `ms` of the clock's time, or rejects with `cancelled` as soon as `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(cancelled(signal));
      return;
    }
    const timer = clock.at(clock.now() + ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    const onAbort = (): void => {
      timer[Symbol.dispose]();
      reject(cancelled(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** The Fault for work that stopped because its signal aborted. */
export function cancelled(signal: AbortSignal): Fault {
  const reason: unknown = signal.reason;
  return reason instanceof Fault
    ? reason
    : new Fault('cancelled', 'operation.cancelled', 'The operation was cancelled.', { cause: reason });
}

/** Throws the Fault of an aborted signal; does nothing otherwise. */
export function checkAborted(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled(signal);
}

/** `work`, or a rejection as soon as `signal` aborts. The work itself goes on: only the waiting ends. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      work.catch(() => undefined);
      reject(cancelled(signal));
      return;
    }
    const onAbort = (): void => reject(cancelled(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** A signal that aborts with a `timeout` Fault after `ms`, or together with `parent`. Dispose it when done. */
export function deadline(
  clock: Clock,
  ms: number,
  parent: AbortSignal,
  fault: () => Fault,
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = clock.at(clock.now() + ms, () => controller.abort(fault()));
  const onParent = (): void => controller.abort(parent.reason);
  if (parent.aborted) onParent();
  else parent.addEventListener('abort', onParent, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      timer[Symbol.dispose]();
      parent.removeEventListener('abort', onParent);
    },
  };
}
