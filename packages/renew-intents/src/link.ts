import type { Scope, Secret } from '@opensandbox/base';
import { Fault, abortable, cancelled } from '@opensandbox/base';
import type { Redis } from 'ioredis';
import { keepConnected, within } from './connection.ts';
import { parseDsn } from './dsn.ts';
import { fanOut } from './fan-out.ts';
import { RECONNECT, type RedisDeps } from './redis-deps.ts';
import type { LinkReport } from './reports.ts';

/** One connection for short commands. */
export interface RedisLink {
  /**
   * Rejects at once with `unavailable` while there is no connection, and with `timeout` after `ms`. A connection that
   * did not answer in time is given up: what waits behind the command would be late as well.
   */
  run<T>(work: (redis: Redis) => Promise<T>, ms: number, signal: AbortSignal): Promise<T>;
  /** Resolves when there is a connection. */
  connected(signal: AbortSignal): Promise<void>;
  isConnected(): boolean;
}

interface Current {
  readonly redis: Redis;
  readonly giveUp: (error: unknown) => void;
}

export function openRedisLink(
  { dsn, report }: { readonly dsn: Secret; readonly report: LinkReport },
  { clock, random }: RedisDeps,
  scope: Scope,
): RedisLink {
  const parsed = parseDsn(dsn.reveal());
  if (parsed.kind === 'problem') {
    throw new Fault('invalid', 'parameter.invalid', `The DSN of Redis ${parsed.problem}.`);
  }
  const arrivals = createArrivals();
  let current: Current | undefined;

  async function hold(redis: Redis, signal: AbortSignal): Promise<never> {
    try {
      return await new Promise<never>((_resolve, reject) => {
        current = { redis, giveUp: reject };
        signal.addEventListener('abort', () => reject(cancelled(signal)), { once: true });
        arrivals.arrived();
      });
    } finally {
      current = undefined;
    }
  }

  const connection = { target: parsed.target, clock, backoff: { ...RECONNECT, random }, report };
  for (const signal of fanOut(scope.signal, 1)) {
    scope.run('redis', () => keepConnected(connection, hold, signal));
  }

  return {
    isConnected: () => current !== undefined,
    async run(work, ms, signal) {
      const used = current;
      if (used === undefined) throw new Fault('unavailable', 'engine.unavailable', 'Redis does not answer.');
      try {
        return await within(clock, { ms, signal }, work(used.redis));
      } catch (error) {
        if (error instanceof Fault && error.kind === 'timeout') used.giveUp(error);
        throw error;
      }
    },
    connected: (signal) => (current === undefined ? arrivals.next(signal) : Promise.resolve()),
  };
}

/** Those who wait for the next connection. */
function createArrivals(): { arrived(): void; next(signal: AbortSignal): Promise<void> } {
  let wake: () => void = () => undefined;
  let arrival: Promise<void> | undefined;
  return {
    arrived() {
      arrival = undefined;
      wake();
    },
    next(signal) {
      arrival ??= new Promise((resolve) => (wake = resolve));
      return abortable(arrival, signal);
    },
  };
}
