import { abortable, checkAborted } from './sleep.ts';

/** Runs tasks of one key one after another, in the order they asked. Different keys run side by side. */
export interface KeyedLock<K> {
  /** Waiting ends with `cancelled` when `signal` aborts; a task that has started runs to its end. */
  run<T>(key: K, task: () => Promise<T>, signal: AbortSignal): Promise<T>;
  isBusy(key: K): boolean;
}

export function createKeyedLock<K>(): KeyedLock<K> {
  const tails = new Map<K, Promise<void>>();
  return {
    isBusy: (key) => tails.has(key),
    async run(key, task, signal) {
      const before = tails.get(key) ?? Promise.resolve();
      let release: () => void = () => undefined;
      const mine = new Promise<void>((resolve) => (release = resolve));
      const tail = before.then(() => mine);
      tails.set(key, tail);
      try {
        await abortable(before, signal);
        checkAborted(signal);
        return await task();
      } finally {
        release();
        void tail.then(() => {
          if (tails.get(key) === tail) tails.delete(key);
        });
      }
    },
  };
}
