import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Fault } from '@opensandbox/base';

/** A signal that aborts when the client leaves before its answer was sent, or when the server closes. */
export interface ClientSignal extends Disposable {
  readonly signal: AbortSignal;
}

export function openClientSignal(response: ServerResponse, closing: AbortSignal): ClientSignal {
  const controller = new AbortController();
  const onClose = (): void => {
    if (!response.writableFinished) controller.abort(clientGone());
  };
  const onClosing = (): void => controller.abort(closing.reason);
  response.once('close', onClose);
  if (response.destroyed) onClose();
  if (closing.aborted) onClosing();
  else closing.addEventListener('abort', onClosing, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      response.removeListener('close', onClose);
      closing.removeEventListener('abort', onClosing);
    },
  };
}

const SIGNALS = new WeakMap<Socket, AbortSignal>();

/**
 * A signal that aborts when a connection ends, or when the server closes. It is one for all requests of the connection:
 * whoever listens to it has to stop listening. Cheaper than a signal for each request.
 */
export function connectionSignal(socket: Socket, closing: AbortSignal): AbortSignal {
  const known = SIGNALS.get(socket);
  if (known !== undefined) return known;
  const controller = new AbortController();
  const onClosing = (): void => controller.abort(closing.reason);
  socket.once('close', () => {
    closing.removeEventListener('abort', onClosing);
    controller.abort(clientGone());
  });
  if (closing.aborted) onClosing();
  else closing.addEventListener('abort', onClosing, { once: true });
  SIGNALS.set(socket, controller.signal);
  return controller.signal;
}

export function clientGone(): Fault {
  return new Fault('cancelled', 'operation.cancelled', 'The client closed the connection.');
}

export function serverClosing(): Fault {
  return new Fault('unavailable', 'server.closing', 'The server is stopping. Try again in a moment.', {
    retryAfterMs: 5000,
  });
}
