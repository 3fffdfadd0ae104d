import type { Clock, Fault, Logger } from '@opensandbox/base';
import { abortable } from '@opensandbox/base';

/** How far what a cache tells can be relied on. Times are epoch milliseconds. */
export interface CacheHealth {
  /** Everything was listed at least once. */
  readonly isSynced: boolean;
  /** How long ago the API server was heard last; Infinity when it never was. A quiet cluster is heard at each watch. */
  readonly ageMs: number;
  readonly lastSyncAt: number | undefined;
  /** Why it is not followed now; undefined while it is. */
  readonly lastError: Fault | undefined;
  readonly objects: number;
  /** Whole lists so far. */
  readonly lists: number;
}

export interface Freshness {
  /** A whole list is in. */
  listed(objects: number): void;
  /** An event, a bookmark, or a watch that was opened. */
  heard(): void;
  failed(fault: Fault): void;
  firstList(signal: AbortSignal): Promise<void>;
  health(objects: number): CacheHealth;
}

/** Remembers when the API server was heard, and logs when following it begins to fail and works again. */
export function createFreshness(clock: Clock, log: Logger): Freshness {
  let heardAt: number | undefined;
  let lastSyncAt: number | undefined;
  let lastError: Fault | undefined;
  let lists = 0;
  let release: () => void = () => undefined;
  const first = new Promise<void>((resolve) => (release = resolve));

  function heard(): void {
    heardAt = clock.now();
    if (lastError !== undefined) log.info('kubernetes.follow_resumed', { code: lastError.code });
    lastError = undefined;
  }

  return {
    heard,
    listed(objects) {
      // No end of what failed before: that is when a watch is open again.
      heardAt = clock.now();
      lastSyncAt = clock.now();
      lists += 1;
      if (lists === 1) log.info('kubernetes.synced', { objects });
      release();
    },
    failed(fault) {
      // On change only: an API server that is away for a day is one line, not thousands.
      const isNew = lastError?.code !== fault.code;
      lastError = fault;
      if (!isNew) return;
      // That a place in the history got too old is a normal event.
      if (fault.code === 'kubernetes.expired') log.info('kubernetes.relist', { error: fault });
      else log.warn('kubernetes.follow_failed', { error: fault });
    },
    firstList: (signal) => abortable(first, signal),
    health: (objects) => ({
      isSynced: lists > 0,
      ageMs: heardAt === undefined ? Infinity : Math.max(0, clock.now() - heardAt),
      lastSyncAt,
      lastError,
      objects,
      lists,
    }),
  };
}
