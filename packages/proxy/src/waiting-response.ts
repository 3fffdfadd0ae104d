import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const WAITING = new WeakMap<Socket, Set<ServerResponse>>();

/**
 * Call it with every request. A response behind an unanswered one of the same connection has no socket yet, and Node does
 * not tell it when the connection ends: what is given back when it closes would never be given back. This tells it.
 */
export function closeWithConnection({ socket }: IncomingMessage, response: ServerResponse): void {
  if (response.socket !== null) return;
  const waiting = WAITING.get(socket) ?? openQueue(socket);
  waiting.add(response);
  response.once('socket', () => waiting.delete(response));
}

/** One listener for all of a connection. */
function openQueue(socket: Socket): Set<ServerResponse> {
  const waiting = new Set<ServerResponse>();
  WAITING.set(socket, waiting);
  socket.once('close', () => {
    for (const response of waiting) {
      response.destroy();
      response.emit('close');
    }
  });
  return waiting;
}
