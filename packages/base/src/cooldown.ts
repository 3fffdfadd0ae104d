import type { Clock } from './clock.ts';

/** Room for so many keys before the first look at what can be forgotten. */
const FIRST_LIMIT = 8192;

/** Which keys are to be left alone for a while. Holds the keys that are cooling, and at most as many that have cooled. */
export interface Cooldown<K> {
  isCooling(key: K): boolean;
  /** Leaves the key alone for `ms` from now on. */
  cool(key: K, ms: number): void;
  readonly size: number;
}

interface Rest {
  readonly since: number;
  readonly ms: number;
}

/** What has cooled is dropped whenever as many keys more have come, so that looking for it costs little. */
export function createCooldown<K>(clock: Clock, firstLimit = FIRST_LIMIT): Cooldown<K> {
  const rests = new Map<K, Rest>();
  let limit = firstLimit;

  // A wall clock that is set back must not make a rest longer.
  const isOver = ({ since, ms }: Rest, now: number): boolean => now < since || now - since >= ms;

  function tidy(now: number): void {
    for (const [key, rest] of rests) if (isOver(rest, now)) rests.delete(key);
    limit = Math.max(firstLimit, rests.size * 2);
  }

  return {
    isCooling(key) {
      const rest = rests.get(key);
      return rest !== undefined && !isOver(rest, clock.now());
    },
    cool(key, ms) {
      const now = clock.now();
      rests.set(key, { since: now, ms });
      if (rests.size > limit) tidy(now);
    },
    get size() {
      return rests.size;
    },
  };
}
