import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { downstreamHeaders } from './proxy-headers.ts';
import type { Upstream, UpstreamAnswer } from './upstream.ts';

/** Where a request goes, and what the service is told. */
export interface Destination {
  /** For error texts, the only thing of it that clients are shown. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Path and query, byte for byte as the service is to read them. */
  readonly path: string;
  /** Flat list of names and values, `Host` excluded. */
  readonly headers: readonly string[];
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly destination: Destination;
  /** Headers of the answer that this proxy sets, by lower-case name; asked for when the answer is there. */
  readonly own: () => Readonly<Record<string, string>>;
}

/**
 * Passes a request on and streams its answer back. Rejects with a Fault as long as nothing was answered; once the
 * answer has begun, a failure on either side cuts the other one off, so that nothing broken looks complete.
 */
export async function forward(upstream: Upstream, exchange: Exchange, signal: AbortSignal): Promise<void> {
  const { request, response, destination, own } = exchange;
  const { socket } = request;
  const answer = await upstream.ask(
    { ...destination, method: request.method ?? 'GET', body: hasBody(request) ? request : undefined },
    signal,
  );
  await relay(answer, own(), response);
  // Answered before the whole body came: what is left of it would be taken for the next request.
  if (!request.complete) socket.destroySoon();
}

/** A message has a body exactly when its framing says so; a length of nothing is none. */
function hasBody({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  return headers['content-length'] !== undefined && headers['content-length'] !== '0';
}

/** Streams an answer. One that breaks off is cut for the client too: it must not look complete. */
async function relay(
  answer: UpstreamAnswer,
  own: Readonly<Record<string, string>>,
  response: ServerResponse,
): Promise<void> {
  try {
    const headers = downstreamHeaders(answer.rawHeaders, own);
    if (headers.some((text, at) => at % 2 === 0 && text.toLowerCase() === 'date')) response.sendDate = false;
    response.writeHead(answer.status, headers);
    response.flushHeaders();
    await pipeline(answer.body, response);
  } catch {
    // Either side went away; there is nobody left to tell, and both ends are closed here.
    answer.body.destroy();
    response.destroy();
  }
}
