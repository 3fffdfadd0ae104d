/* eslint-disable no-restricted-globals, no-restricted-properties -- the one place that touches real time */
import type { Clock } from './clock.ts';

/** `setTimeout` holds a 32-bit number of milliseconds and fires at once beyond it, so long waits are chained. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/** The wall clock of this process. Timers do not keep the process alive by themselves. */
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
