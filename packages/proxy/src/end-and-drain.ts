import type { Duplex } from 'node:stream';
import type { Clock } from '@opensandbox/base';

/** How long a client that was told goodbye may take to hang up. */
const LINGER_MS = 5_000;

/**
 * Writes the last bytes of a connection that left HTTP. What the client still sends, its own close frame for
 * one, has to be read: bytes that nobody reads keep the socket open for ever.
 */
export function endAndDrain(socket: Duplex, bytes: Buffer | string, clock: Clock): void {
  socket.resume();
  socket.end(bytes);
  const timer = clock.at(clock.now() + LINGER_MS, () => socket.destroy());
  socket.once('close', () => timer[Symbol.dispose]());
}
