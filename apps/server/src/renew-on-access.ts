import type { Clock, Logger, Scope, Secret } from '@opensandbox/base';
import type { Lifecycle, RenewOnAccessOptions } from '@opensandbox/core';
import { sandboxId } from '@opensandbox/core';
import { type IntentConsumerState, openIntentConsumer, openRenewLock } from '@opensandbox/renew-intents';

/** The section `[renew_intent]`. */
export interface RenewIntentConfig {
  readonly enabled: boolean;
  readonly minIntervalSeconds: number;
  readonly redis: {
    readonly enabled: boolean;
    readonly dsn?: Secret | undefined;
    readonly queueKey: string;
    readonly consumerConcurrency: number;
  };
}

export interface RenewOnAccess {
  /** What the lifecycle is opened with; absent when accesses prolong nothing. */
  readonly options: RenewOnAccessOptions | undefined;
  /** Takes what gateways have left in Redis, from now on. Answers how to ask about it, or nothing without Redis. */
  consume(lifecycle: Pick<Lifecycle, 'accessed'>): (() => IntentConsumerState) | undefined;
}

const OFF: RenewOnAccess = { options: undefined, consume: () => undefined };

export interface RenewDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Told what becomes of every access. */
  readonly counted?: RenewOnAccessOptions['counted'];
}

/** Everything of `[renew_intent]` that is not the domain's. Connects in the background: Redis need not be there. */
export function openRenewOnAccess(config: RenewIntentConfig, deps: RenewDeps, scope: Scope): RenewOnAccess {
  if (!config.enabled) return OFF;
  const { redis, minIntervalSeconds } = config;
  const dsn = redis.enabled ? redis.dsn : undefined;
  const lock =
    dsn === undefined ? undefined : openRenewLock({ dsn, intervalSeconds: minIntervalSeconds }, deps, scope);
  return {
    options: {
      minIntervalMs: minIntervalSeconds * 1000,
      concurrency: redis.consumerConcurrency,
      claim: lock === undefined ? undefined : (id, signal) => lock.claim(id, signal),
      counted: deps.counted,
    },
    consume(lifecycle) {
      if (dsn === undefined) return undefined;
      const deliver = (id: string): void => lifecycle.accessed(sandboxId(id), 'redis_queue');
      const { queueKey, consumerConcurrency: concurrency } = redis;
      const consumer = openIntentConsumer({ dsn, queueKey, concurrency, deliver }, deps, scope);
      return () => consumer.state();
    },
  };
}
