import type { Duplex } from 'node:stream';

/** Counts open connections and running requests; says when there are too many to take another. */
export interface Capacity {
  /** Counts a request as running, or returns `false`: then it must be refused and not released. */
  enter(): boolean;
  leave(): void;
  opened(socket: Duplex): void;
}

/** `limit` 0 means no limit. A connection counts from the moment it is open, the arriving one included. */
export function createCapacity(limit: number): Capacity {
  const sockets = new Set<Duplex>();
  let running = 0;
  return {
    enter() {
      if (limit > 0 && (sockets.size >= limit || running >= limit)) return false;
      running += 1;
      return true;
    },
    leave() {
      running -= 1;
    },
    opened(socket) {
      if (sockets.has(socket)) return; // a socket that was handed back to the parser after a declined upgrade
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    },
  };
}
