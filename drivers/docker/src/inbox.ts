import { cancelled } from '@opensandbox/base';

/** Hands what producers put in to one consumer, in order. */
export interface Inbox<T> {
  put(item: T): void;
  /** The consumer gets what is in already, then `error`. */
  fail(error: unknown): void;
  /** Waits for the next item. Rejects with the failure, or with `cancelled`. */
  take(signal: AbortSignal): Promise<T>;
}

export function createInbox<T>(): Inbox<T> {
  const items: T[] = [];
  let failure: { readonly error: unknown } | undefined;
  let wake: () => void = () => undefined;

  return {
    put(item) {
      items.push(item);
      wake();
    },
    fail(error) {
      failure ??= { error };
      wake();
    },
    async take(signal) {
      for (;;) {
        if (signal.aborted) throw cancelled(signal);
        const [item] = items.splice(0, 1);
        if (item !== undefined) return item;
        if (failure !== undefined) throw failure.error;
        await new Promise<void>((resolve) => {
          const done = (): void => {
            signal.removeEventListener('abort', done);
            resolve();
          };
          wake = done;
          signal.addEventListener('abort', done, { once: true });
        });
      }
    },
  };
}
