import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@opensandbox/base';

const LONGEST_TURN_MS = 4;

/** Lets others run in between, in work that never waits for anything by itself. */
export interface Turns {
  /** To be awaited when it is there: this turn has been long enough. Rejects when nobody wants the work any more. */
  over(): Promise<void> | undefined;
}

export function takeTurns(clock: Clock, signal: AbortSignal): Turns {
  let since = clock.now();
  async function pause(): Promise<void> {
    signal.throwIfAborted();
    await nextTurn();
    since = clock.now();
  }
  return { over: () => (clock.now() - since < LONGEST_TURN_MS ? undefined : pause()) };
}
