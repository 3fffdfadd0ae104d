import type { Backoff } from '@opensandbox/base';

export interface CacheTiming {
  readonly pageSize: number;
  /** How long the API server keeps a watch open, at most: together with the grace, how long silence is believed. */
  readonly watchSeconds: number;
  readonly graceMs: number;
  /** How often everything is listed again, whatever the watches said. */
  readonly resyncMs: number;
  readonly backoff: Omit<Backoff, 'random'>;
}

export const CACHE_TIMING: CacheTiming = {
  pageSize: 500,
  watchSeconds: 50,
  graceMs: 5_000,
  resyncMs: 10 * 60_000,
  backoff: { firstMs: 500, longestMs: 10_000, jitter: 0.5 },
};
