import { type Clock, type Fault, createSingleFlight, isFault, toFault } from '@opensandbox/base';

export interface CacheLimits {
  /** How long an answer is good without asking again. */
  readonly freshMs: number;
  /** How long an old answer stands in for a source that is away. */
  readonly staleMs: number;
  /** How long "there is none" is good. */
  readonly missMs: number;
  /** Answers held; the one longest unused goes first. */
  readonly most: number;
}

export interface LookupCache<T> {
  get(key: string, ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** The next look asks again. */
  doubt(key: string): void;
  readonly size: number;
}

interface Held<T> {
  readonly value: T;
  readonly readAt: number;
  /** Until then it is used without asking. */
  goodUntil: number;
}

/** After a failure the source is left alone for this long, where an old answer does. */
const RETRY_MS = 2_000;

/**
 * Answers of a source that takes time, asked once for many. A source that is away costs nothing as long as its last
 * answer is not too old; what it says does not exist is forgotten at once.
 */
export function createLookupCache<T>(limits: CacheLimits, clock: Clock): LookupCache<T> {
  const held = new Map<string, Held<T>>();
  const misses = new Map<string, { readonly fault: Fault; readonly until: number }>();
  const flights = createSingleFlight<string, T>();

  function keep<V>(map: Map<string, V>, key: string, value: V): void {
    map.delete(key);
    map.set(key, value);
    const [oldest] = map.keys();
    if (map.size > limits.most && oldest !== undefined) map.delete(oldest);
  }

  async function refresh(
    key: string,
    ask: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    try {
      const value = await ask(signal);
      const now = clock.now();
      misses.delete(key);
      keep(held, key, { value, readAt: now, goodUntil: now + limits.freshMs });
      return value;
    } catch (error) {
      const fault = toFault(error);
      if (isAnswer(fault)) {
        held.delete(key);
        keep(misses, key, { fault, until: clock.now() + limits.missMs });
      }
      throw fault;
    }
  }

  return {
    async get(key, ask, signal) {
      const now = clock.now();
      const known = held.get(key);
      if (known !== undefined && now < known.goodUntil) {
        keep(held, key, known);
        return known.value;
      }
      const miss = misses.get(key);
      if (miss !== undefined && now < miss.until) throw miss.fault;
      try {
        return await flights.run(key, (work) => refresh(key, ask, work), signal);
      } catch (error) {
        const old = held.get(key);
        const isAway = !isFault(error, 'cancelled') && !isAnswer(toFault(error));
        if (!isAway || old === undefined || clock.now() - old.readAt > limits.staleMs) throw error;
        old.goodUntil = clock.now() + RETRY_MS;
        return old.value;
      }
    },
    doubt(key) {
      const known = held.get(key);
      if (known !== undefined) known.goodUntil = 0;
    },
    get size() {
      return held.size;
    },
  };
}

/** The source spoke, and this is what it said about the key. */
function isAnswer(fault: Fault): boolean {
  return fault.code === 'sandbox.not_found' || fault.code === 'sandbox.not_ready';
}
