import type { Logger, Scope, Secret } from '@opensandbox/base';
import { Fault } from '@opensandbox/base';
import type { Redis } from 'ioredis';
import { keepConnected, within } from './connection.ts';
import { parseDsn } from './dsn.ts';
import { fanOut } from './fan-out.ts';
import { parseIntent } from './intent.ts';
import { RECONNECT, type RedisDeps } from './redis-deps.ts';
import { createLinkReports, describeRedisError } from './reports.ts';

const BLOCK_SECONDS = 5;
/** An answer that is this late does not come any more: the other side hangs, or the connection is gone unnoticed. */
const ANSWER_MS = (BLOCK_SECONDS + 5) * 1000;

export interface IntentConsumerOptions {
  readonly dsn: Secret;
  readonly queueKey: string;
  /** Connections that wait for intents, each for one at a time. */
  readonly concurrency: number;
  /** Told of each intent that is not too old. Must not wait; what it throws is logged. */
  readonly deliver: (sandboxId: string) => void;
}

/** What the consumer has seen since it was opened, for metrics. */
export interface IntentConsumerState {
  /** Connections that have answered and not broken off since. */
  readonly connections: number;
  readonly delivered: number;
  /** Elements that were no intents. */
  readonly malformed: number;
  /** Intents that were too old. */
  readonly stale: number;
}

export interface IntentConsumer {
  state(): IntentConsumerState;
}

/**
 * Takes renew intents from a Redis list for as long as `scope` is open. Never fails for want of a Redis: it connects
 * when there is one. Rejects nothing and acknowledges nothing: an intent that was taken is delivered or dropped.
 */
export function openIntentConsumer(
  options: IntentConsumerOptions,
  deps: RedisDeps,
  scope: Scope,
): IntentConsumer {
  const parsed = parseDsn(options.dsn.reveal());
  if (parsed.kind === 'problem') {
    throw new Fault('invalid', 'parameter.invalid', `The DSN of Redis ${parsed.problem}.`);
  }
  const { clock, log, random } = deps;
  const { queueKey, concurrency } = options;
  const reports = createLinkReports(log, { renew_queue_key: queueKey });
  const counts = { delivered: 0, malformed: 0, stale: 0 };

  function handle(element: Uint8Array, worker: number): void {
    try {
      const read = parseIntent(element, clock.now());
      if (read.kind !== 'intent') {
        counts[read.kind] += 1;
        return;
      }
      counts.delivered += 1;
      options.deliver(read.intent.sandboxId);
    } catch (error) {
      tellHandleError(log, error, worker);
    }
  }

  async function feed(redis: Redis, signal: AbortSignal, worker: number): Promise<never> {
    for (;;) {
      const wait = redis.brpopBuffer(queueKey, BLOCK_SECONDS);
      const popped = await within(clock, { ms: ANSWER_MS, signal }, wait);
      if (popped !== null) handle(popped[1], worker);
    }
  }

  for (const [worker, signal] of fanOut(scope.signal, concurrency).entries()) {
    const connection = {
      target: parsed.target,
      clock,
      backoff: { ...RECONNECT, random },
      report: reports.open(),
    };
    scope.run('renew-intents', () =>
      keepConnected(connection, (redis, session) => feed(redis, session, worker), signal),
    );
  }
  log.info('renew.workers_started', {
    renew_event: 'workers_started',
    renew_queue_key: queueKey,
    workers: concurrency,
  });
  return { state: () => ({ connections: reports.connected(), ...counts }) };
}

function tellHandleError(log: Logger, error: unknown, worker: number): void {
  log.error('renew.handle_failed', {
    renew_event: 'worker_handle_error',
    renew_worker_id: worker,
    ...describeRedisError(error),
  });
}
