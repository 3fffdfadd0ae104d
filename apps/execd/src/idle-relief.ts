import type { Clock } from '@opensandbox/base';

const QUIET_MS = 5000;

/**
 * Gives memory back when an agent has been used and then left alone for a while. Most sandboxes idle most of
 * the time, and the collector of an idle program has no reason to run. Call what it returns at each use.
 */
export function idleRelief(clock: Clock, collect: () => void): () => void {
  let lastUse = 0;
  let timer: Disposable | undefined;

  function look(): void {
    timer = undefined;
    if (clock.now() < lastUse + QUIET_MS) arm();
    else collect();
  }
  function arm(): void {
    timer = clock.at(lastUse + QUIET_MS, look);
  }
  return () => {
    lastUse = clock.now();
    if (timer === undefined) arm();
  };
}
