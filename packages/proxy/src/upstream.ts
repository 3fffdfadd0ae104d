import type { IncomingMessage } from 'node:http';
import { type Clock, systemClock } from '@opensandbox/base';
import { type Address, Connection } from './connection.ts';

const SWEEP_MS = 1_000;
/** How long a client may go on sending what nobody reads. */
const DRAIN_MS = 3_000;
const MOST_IDLE_EACH = 64;

export interface UpstreamOptions {
  readonly clock?: Clock;
  /** Until a connection stands. */
  readonly connectTimeoutMs?: number;
  /** Until the answer begins. What is streamed afterwards may be silent for as long as it likes. */
  readonly headersTimeoutMs?: number;
  /** How long a connection is kept that nobody uses. */
  readonly idleMs?: number;
  /** What cannot be asked twice goes over a connection that was in use so recently, or over a new one. */
  readonly freshMs?: number;
}

/** Why a connection was closed by this side. */
export class TimedOut extends Error {
  readonly code = 'ETIMEDOUT';
}

export interface Target extends Address {
  /** Whom the connection belongs to: it is used again for the same name at the same address only. */
  readonly name: string;
}

/** Connections to services inside sandboxes. No number of them is too many; those that are idle go soon. */
export interface Upstream {
  /** A connection for one question: a kept one unless `isNew`. */
  take(target: Target, wish: { readonly isNew: boolean; readonly mustBeFresh: boolean }): Connection;
  /** Takes a connection back whose answer is complete. */
  keep(target: Target, connection: Connection): void;
  /**
   * Reads what is left of a request that was answered before it was complete, for a while: an end that leaves bytes
   * unread would reset the connection, and the answer with it.
   */
  drain(request: IncomingMessage): void;
  close(): Promise<void>;
}

export function createUpstream(options: UpstreamOptions = {}): Upstream {
  return new ConnectionPool(options);
}

class ConnectionPool implements Upstream {
  readonly #clock: Clock;
  readonly #limits: {
    readonly connecting: number;
    readonly waiting: number;
    readonly idle: number;
    readonly fresh: number;
  };
  readonly #open = new Set<Connection>();
  readonly #idle = new Map<string, Connection[]>();
  #sweep: Disposable | undefined;
  #isClosed = false;

  constructor(options: UpstreamOptions) {
    const {
      clock = systemClock(),
      connectTimeoutMs = 10_000,
      headersTimeoutMs = 180_000,
      idleMs = 3_000,
      freshMs = 1_000,
    } = options;
    this.#clock = clock;
    this.#limits = { connecting: connectTimeoutMs, waiting: headersTimeoutMs, idle: idleMs, fresh: freshMs };
  }

  take(
    target: Target,
    { isNew, mustBeFresh }: { readonly isNew: boolean; readonly mustBeFresh: boolean },
  ): Connection {
    const now = this.#clock.now();
    const kept = isNew
      ? undefined
      : this.#takeIdle(target, mustBeFresh ? now - this.#limits.fresh : -Infinity);
    const connection = kept ?? this.#dial(target);
    connection.since = now;
    return connection;
  }

  keep(target: Target, connection: Connection): void {
    const key = keyOf(target);
    const kept = this.#idle.get(key);
    connection.since = this.#clock.now();
    if (this.#isClosed || (kept?.length ?? 0) >= MOST_IDLE_EACH) connection.close();
    else if (kept === undefined) this.#idle.set(key, [connection]);
    else kept.push(connection);
  }

  drain(request: IncomingMessage): void {
    const { socket } = request;
    request.resume();
    const timer = this.#clock.at(this.#clock.now() + DRAIN_MS, () => socket.destroySoon());
    const stop = (): void => timer[Symbol.dispose]();
    request.once('close', stop);
    if (request.closed) stop();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#sweep?.[Symbol.dispose]();
    this.#sweep = undefined;
    for (const connection of this.#open) connection.close(new Error('the proxy is closing'));
    this.#idle.clear();
    return Promise.resolve();
  }

  #takeIdle(target: Target, notBefore: number): Connection | undefined {
    const kept = this.#idle.get(keyOf(target));
    for (let last = kept?.pop(); last !== undefined; last = kept?.pop()) {
      if (last.phase === 'idle' && last.since >= notBefore) return last;
      last.close();
    }
    return undefined;
  }

  #dial(target: Target): Connection {
    const connection: Connection = new Connection(target, () => this.#open.delete(connection));
    this.#open.add(connection);
    if (!this.#isClosed)
      this.#sweep ??= this.#clock.at(this.#clock.now() + SWEEP_MS, () => this.#sweepOnce());
    return connection;
  }

  /** One timer for all connections: none is armed and disarmed for each request. */
  #sweepOnce(): void {
    const now = this.#clock.now();
    for (const connection of this.#open) {
      if (connection.hasMoved) connection.since = now;
      connection.hasMoved = false;
      const { phase, since, keepMs } = connection;
      if (phase === 'idle' && now - since >= Math.min(keepMs, this.#limits.idle)) connection.close();
      if (phase === 'connecting' && now - since >= this.#limits.connecting) connection.close(new TimedOut());
      if (phase === 'waiting' && now - since >= this.#limits.waiting) connection.close(new TimedOut());
    }
    this.#forgetClosed();
    const next = (): Disposable => this.#clock.at(now + SWEEP_MS, () => this.#sweepOnce());
    this.#sweep = this.#open.size === 0 ? undefined : next();
  }

  #forgetClosed(): void {
    for (const [key, kept] of this.#idle) {
      const left = kept.filter(({ phase }) => phase === 'idle');
      if (left.length === 0) this.#idle.delete(key);
      else if (left.length < kept.length) this.#idle.set(key, left);
    }
  }
}

function keyOf({ host, port, name }: Target): string {
  return `${host} ${port} ${name}`;
}
