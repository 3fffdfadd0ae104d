import type { Backoff, Fault } from '@opensandbox/base';
import { backoffMs } from '@opensandbox/base';

/** How long to wait before the next attempt: longer after each that brought nothing. */
export interface Pace {
  /** Something useful came: the next wait is a short one again. */
  worked(): void;
  /** What the other side asked for counts, up to a minute. */
  nextWaitMs(fault?: Fault): number;
}

const LONGEST_ASKED_MS = 60_000;

export function createPace(backoff: Backoff): Pace {
  let fruitless = 0;
  return {
    worked() {
      fruitless = 0;
    },
    nextWaitMs(fault) {
      fruitless += 1;
      return Math.max(backoffMs(backoff, fruitless), Math.min(fault?.retryAfterMs ?? 0, LONGEST_ASKED_MS));
    },
  };
}
