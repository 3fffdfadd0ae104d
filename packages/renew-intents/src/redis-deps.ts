import type { Clock, Logger } from '@opensandbox/base';

export interface RedisDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** A number in [0, 1), for the jitter of waits. */
  readonly random: () => number;
}

/** Soon enough for a Redis that is restarted; jittered, so that many clients do not come back at once. */
export const RECONNECT = { firstMs: 1000, longestMs: 15_000, jitter: 0.5 };
