import type { Scope, Secret } from '@opensandbox/base';
import { createCooldown, isFault } from '@opensandbox/base';
import type { Redis } from 'ioredis';
import { fanOut } from './fan-out.ts';
import { LONGEST_AGE_MS, type RenewIntent, formatIntent } from './intent.ts';
import { openRedisLink, type RedisLink } from './link.ts';
import type { RedisDeps } from './redis-deps.ts';
import { createLinkReports } from './reports.ts';

const MOST_WAITING = 8192;
const WORKERS = 4;
const ANSWER_MS = 5_000;

export interface IntentPublisherOptions {
  readonly dsn: Secret;
  readonly queueKey: string;
  /** The newest so many elements stay in the list; `undefined` means all. */
  readonly maxLength: number | undefined;
  /** Shortest time between two intents for one sandbox; 0 means none. */
  readonly minIntervalMs: number;
}

/** What became of intents since the publisher was opened, for metrics. */
export interface IntentPublisherState {
  readonly isConnected: boolean;
  /** Waiting for a worker or for Redis. */
  readonly waiting: number;
  readonly published: number;
  /** The queue was full, or the intent had grown too old in it. */
  readonly dropped: number;
  /** Redis refused, broke off, or did not answer in time. */
  readonly failed: number;
  /** Too soon after the one before. */
  readonly throttled: number;
}

export interface IntentPublisher {
  /** Never throws, never waits. */
  publish(intent: RenewIntent): void;
  state(): IntentPublisherState;
}

/**
 * Tells the control plane, through a Redis list, that sandboxes are in use. While Redis is away, intents wait in a queue
 * that has an end.
 */
export function openIntentPublisher(
  options: IntentPublisherOptions,
  deps: RedisDeps,
  scope: Scope,
): IntentPublisher {
  const { clock, log } = deps;
  const report = createLinkReports(log, { renew_queue_key: options.queueKey }).open();
  const link = openRedisLink({ dsn: options.dsn, report }, deps, scope);
  const told = createCooldown<string>(clock);
  const waiting: RenewIntent[] = [];
  const counts = { published: 0, dropped: 0, failed: 0, throttled: 0 };
  const idle = [...fanOut(scope.signal, WORKERS)];

  async function work(signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await link.connected(signal);
        const intent = waiting.shift();
        if (intent === undefined) return;
        if (clock.now() - intent.observedAt > LONGEST_AGE_MS) counts.dropped += 1;
        else await send(intent, signal);
      }
    } catch (error) {
      if (!isFault(error, 'cancelled')) throw error;
    } finally {
      idle.push(signal);
    }
  }

  async function send(intent: RenewIntent, signal: AbortSignal): Promise<void> {
    try {
      await push(link, { options, element: formatIntent(intent) }, signal);
      counts.published += 1;
    } catch (error) {
      if (isFault(error, 'cancelled')) throw error;
      counts.failed += 1; // the link says what is wrong with Redis
    }
  }

  return {
    publish(intent) {
      if (scope.signal.aborted) return;
      if (told.isCooling(intent.sandboxId)) {
        counts.throttled += 1;
        return;
      }
      // Marked at once: an intent that is lost counts too, or a Redis that is away would be asked all the time.
      if (options.minIntervalMs > 0) told.cool(intent.sandboxId, options.minIntervalMs);
      if (waiting.length >= MOST_WAITING) {
        counts.dropped += 1;
        return;
      }
      waiting.push(intent);
      const worker = idle.pop();
      if (worker !== undefined) scope.run('renew-publisher', () => work(worker));
    },
    state: () => ({ isConnected: link.isConnected(), waiting: waiting.length, ...counts }),
  };
}

interface Push {
  readonly options: IntentPublisherOptions;
  readonly element: string;
}

async function push(link: RedisLink, { options, element }: Push, signal: AbortSignal): Promise<void> {
  const { queueKey, maxLength } = options;
  const commands = async (redis: Redis): Promise<void> => {
    const sent: Promise<unknown>[] = [redis.lpush(queueKey, element)];
    if (maxLength !== undefined) sent.push(redis.ltrim(queueKey, 0, maxLength - 1));
    await Promise.all(sent);
  };
  await link.run(commands, ANSWER_MS, signal);
}
