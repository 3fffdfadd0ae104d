import type { ServerResponse } from 'node:http';
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

export function clientGone(): Fault {
  return new Fault('cancelled', 'operation.cancelled', 'The client closed the connection.');
}

export function serverClosing(): Fault {
  return new Fault('unavailable', 'server.closing', 'The server is stopping. Try again in a moment.', {
    retryAfterMs: 5000,
  });
}
