/* eslint-disable no-restricted-globals, no-restricted-properties -- the one place that touches real time */
import type { Clock } from './clock.ts';

/** `setTimeout` holds a 32-bit number of milliseconds and fires at once beyond it, so long waits are chained. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/**
 * The wall clock of this process. A timer keeps the process alive until it fires or is disposed: somebody who waits
 * for nothing else must not see the process end under the wait. So what arms one owns it, and disposes it.
 */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    at(time, run) {
      let timer: ReturnType<typeof setTimeout>;
      const arm = (): void => {
        const wait = Math.max(0, time - Date.now());
        const isLast = wait <= LONGEST_WAIT_MS;
        timer = setTimeout(isLast ? run : arm, Math.min(wait, LONGEST_WAIT_MS));
      };
      arm();
      return { [Symbol.dispose]: () => clearTimeout(timer) };
    },
  };
}
