import type { Clock } from './clock.ts';
import { isFault } from './fault.ts';
import { sleep } from './sleep.ts';

export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Multiplies each wait by a number between 1 - jitter and 1 + jitter. */
  readonly jitter: number;
  /** A number in [0, 1), for the jitter. */
  readonly random: () => number;
}

/** The wait before attempt `attempt` (1 is the first repetition): doubles, capped, jittered. Milliseconds. */
export function backoffMs(backoff: Backoff, attempt: number): number {
  const plain = Math.min(backoff.longestMs, backoff.firstMs * 2 ** (attempt - 1));
  return Math.round(plain * (1 - backoff.jitter + 2 * backoff.jitter * backoff.random()));
}

/** Repeats `work` while it fails with `unavailable` or `timeout`, at most `attempts` times in all. */
export async function retry<T>(
  options: { readonly clock: Clock; readonly backoff: Backoff; readonly attempts: number },
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const again = isFault(error, 'unavailable') || isFault(error, 'timeout');
      if (!again || attempt >= options.attempts) throw error;
      await sleep(options.clock, backoffMs(options.backoff, attempt), signal);
    }
  }
}
