import type { Clock } from '@opensandbox/base';
import { sleep } from '@opensandbox/base';

export interface RateLimit {
  /** Waits until one more request may be made. */
  take(signal: AbortSignal): Promise<void>;
}

export interface RateLimitOptions {
  /** 0 and less: no limit. */
  readonly perSecond: number;
  /** How many may come at once after a pause; at least 1. */
  readonly burst: number;
}

/** A bucket of tokens that starts full. Those who wait are served in the order they came. */
export function createRateLimit(options: RateLimitOptions, clock: Clock): RateLimit {
  const { perSecond } = options;
  if (perSecond <= 0) return { take: () => Promise.resolve() };
  const burst = Math.max(1, options.burst);
  const tokenMs = 1000 / perSecond;
  /** When the bucket would be full again; in the past when it is full. */
  let fullAt = clock.now();
  return {
    async take(signal) {
      const now = clock.now();
      // A clock that was set back must not make everybody wait for the difference.
      const taken = Math.min(Math.max(fullAt - now, 0), (burst + 1_000) * tokenMs);
      fullAt = now + taken + tokenMs;
      const waitMs = Math.ceil(fullAt - now - burst * tokenMs);
      if (waitMs > 0) await sleep(clock, waitMs, signal);
    },
  };
}
