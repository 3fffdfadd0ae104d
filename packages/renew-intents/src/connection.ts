import type { Backoff, Clock } from '@opensandbox/base';
import { Fault, abortable, backoffMs, cancelled, deadline, sleep } from '@opensandbox/base';
import { Redis, type RedisOptions } from 'ioredis';
import type { RedisTarget } from './dsn.ts';
import type { LinkReport } from './reports.ts';

const CONNECT_MS = 5_000;

export interface ConnectionOptions {
  readonly target: RedisTarget;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly report: LinkReport;
}

/** Works with a connection that has answered; ends by rejecting, because the connection or the work broke. */
export type Session = (redis: Redis, signal: AbortSignal) => Promise<never>;

/**
 * Holds one connection for as long as `signal` allows: whenever it cannot be made or breaks off, at the first attempt as
 * at the last, it is made again after a wait that grows.
 */
export async function keepConnected(
  options: ConnectionOptions,
  session: Session,
  signal: AbortSignal,
): Promise<void> {
  const { clock, backoff, report } = options;
  const isOver = (): boolean => signal.aborted;
  let failures = 0;
  const up = (): void => {
    failures = 0;
    report.up();
  };
  while (!isOver()) {
    await connectOnce(options, { session, up }, signal).catch((error: unknown) => {
      if (!isOver()) report.failed(error);
    });
    report.down();
    failures += 1;
    if (!isOver()) await sleep(clock, backoffMs(backoff, failures), signal).catch(() => undefined);
  }
}

async function connectOnce(
  { target, clock }: ConnectionOptions,
  { session, up }: { readonly session: Session; readonly up: () => void },
  signal: AbortSignal,
): Promise<void> {
  const redis = new Redis(optionsFor(target));
  let cause: unknown = new Error('the connection was closed');
  // Without a listener the client prints errors by itself, and they carry the commands with their secrets.
  redis.on('error', (error: unknown) => (cause = error));
  const broken = new Promise<never>((_resolve, reject) => {
    redis.once('end', () => reject(cause));
  });
  broken.catch(() => undefined); // it also ends when nobody waits any more
  const ending = new AbortController();
  const onAbort = (): void => {
    ending.abort(cancelled(signal));
    redis.disconnect();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await within(clock, { ms: CONNECT_MS, signal }, Promise.race([broken, greet(redis, target.db)]));
    up();
    await Promise.race([broken, session(redis, ending.signal)]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (!ending.signal.aborted) ending.abort(cancelled(ending.signal));
    redis.disconnect();
  }
}

async function greet(redis: Redis, db: number): Promise<void> {
  // What it rejects with says less than the event does.
  await redis.connect().catch(() => new Promise<never>(() => undefined));
  // The client goes on with the first database when there is no such one; others may use that.
  if (db !== 0) await redis.select(db);
  await redis.ping();
}

/** The result of `work`, or a `timeout` Fault after `ms`. */
export async function within<T>(
  clock: Clock,
  { ms, signal }: { readonly ms: number; readonly signal: AbortSignal },
  work: Promise<T>,
): Promise<T> {
  using limit = deadline(clock, ms, signal, tooSlow);
  return await abortable(work, limit.signal);
}

function tooSlow(): Fault {
  return new Fault('timeout', 'engine.timeout', 'Redis did not answer in time.');
}

/** The client's type does not accept itself with an option that only replies in the newest protocol need. */
type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

/** Reconnecting, and what becomes of commands meanwhile, is decided here and not in the client. */
function optionsFor({ at, username, password, db }: RedisTarget): ClientOptions {
  return {
    ...placeOf(at),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    db,
    protocol: 2,
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    retryStrategy: null,
    reconnectOnError: null,
    maxRetriesPerRequest: null,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    disableClientInfo: true,
    connectionName: 'opensandbox-renew',
  };
}

function placeOf(at: RedisTarget['at']): ClientOptions {
  if ('path' in at) return { path: at.path };
  return { host: at.host, port: at.port, ...(at.tls === undefined ? {} : { tls: { ...at.tls } }) };
}
