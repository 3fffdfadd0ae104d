import { checkRequest } from './check-request.ts';
import type { Exchange } from './exchange.ts';
import { Forwarding } from './forwarding.ts';
import type { Upstream } from './upstream.ts';

/**
 * Passes a request on and streams its answer back. Rejects with a Fault as long as nothing was answered; once the
 * answer has begun, a failure on either side cuts the other one off, so that nothing broken looks complete. Whoever
 * leaves (the client, or this server by `signal`) ends the question to the service as well.
 */
export function forward(upstream: Upstream, exchange: Exchange, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    checkRequest(exchange.request, exchange.response, exchange.destination.path);
    new Forwarding(upstream, exchange, { resolve, reject }).start(signal);
  });
}
