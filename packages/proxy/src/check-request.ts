import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Fault } from '@opensandbox/base';

/** Bytes that never stand in a request target. Node's parser lets those beyond ASCII and some others through. */
const ODD_TARGET = /[^\x21-\x7e]/;

/** Connections on which nothing is understood any more. */
const REFUSED = new WeakSet<Socket>();

/**
 * Refuses what Node's parser takes, but another reader of the same bytes could take otherwise. Throws before anything
 * is sent to the service, and ends the client's connection: what follows on it cannot be told apart from a body.
 */
export function checkRequest(request: IncomingMessage, response: ServerResponse, path: string): void {
  const { headers } = request;
  const coding = headers['transfer-encoding'];
  const isSound =
    (coding === undefined || coding.toLowerCase() === 'chunked') &&
    (coding === undefined || headers['content-length'] === undefined) &&
    (coding === undefined || request.httpVersionMinor >= 1) &&
    (headers['content-length'] === undefined || /^[0-9]+$/.test(headers['content-length'])) &&
    !ODD_TARGET.test(path);
  if (isSound && !REFUSED.has(request.socket)) return;
  // What follows may have been read already, and would be the next to come here.
  REFUSED.add(request.socket);
  response.shouldKeepAlive = false;
  throw new Fault(
    'invalid',
    'proxy.refused',
    'The proxy does not forward a request that is framed or written like this.',
  );
}
