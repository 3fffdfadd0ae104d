import { type Scope, type Secret, silentLogger } from '@opensandbox/base';
import { openRedisLink } from './link.ts';
import type { RedisDeps } from './redis-deps.ts';
import { createLinkReports } from './reports.ts';

const PREFIX = 'opensandbox:renew:lock:';
/** Renewing does not wait for long on behalf of the other servers. */
const ANSWER_MS = 1_000;

export interface RenewLockOptions {
  readonly dsn: Secret;
  readonly intervalSeconds: number;
}

/** Keeps several servers from renewing the same sandbox within one interval. */
export interface RenewLock {
  /**
   * 0 when this server may renew now; otherwise for how many milliseconds another one has taken the right. Rejects soon
   * when Redis is away or does not answer.
   */
  claim(sandboxId: string, signal: AbortSignal): Promise<number>;
  isConnected(): boolean;
}

export function openRenewLock(
  options: RenewLockOptions,
  deps: Omit<RedisDeps, 'log'>,
  scope: Scope,
): RenewLock {
  // Whoever takes the lock also listens to the queue, on connections that tell how Redis is.
  const report = createLinkReports(silentLogger, {}).open();
  const link = openRedisLink({ dsn: options.dsn, report }, { ...deps, log: silentLogger }, scope);
  return {
    isConnected: () => link.isConnected(),
    claim: (sandboxId, signal) =>
      link.run(
        async (redis) => {
          const key = `${PREFIX}${sandboxId}`;
          // Sent together, so that the second answer is about the lock that refused.
          const taking = redis.set(key, '1', 'EX', options.intervalSeconds, 'NX');
          const left = redis.pttl(key);
          const [taken, leftMs] = await Promise.all([taking, left]);
          // A lock without an end would stop renewals for ever, and one that has just ended stops nothing.
          return taken === 'OK' ? 0 : Math.max(0, leftMs);
        },
        ANSWER_MS,
        signal,
      ),
  };
}
