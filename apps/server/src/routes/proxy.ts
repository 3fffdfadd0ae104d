import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault, isFault } from '@opensandbox/base';
import { openClientSignal } from '../client-signal.ts';
import { downstreamHeaders, upstreamHeaders } from '../proxy/proxy-headers.ts';
import { proxyRest, upstreamPath } from '../proxy/proxy-path.ts';
import type { Upstream, UpstreamAnswer } from '../proxy/upstream.ts';
import { parsePort } from '../wire/index.ts';
import { type Route, type RouteContext, idParam, pathParam } from './route.ts';

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'] as const;
const PATHS = ['/sandboxes/:id/proxy/:port', '/sandboxes/:id/proxy/:port/*'];

export function proxyRoutes(context: RouteContext, upstream: Upstream): readonly Route[] {
  return PATHS.flatMap((path) =>
    METHODS.map((method): Route => ({
      method,
      path,
      body: 'unread',
      handle: (request, reply) => forward({ context, upstream }, request, reply),
    })),
  );
}

async function forward(
  { context, upstream }: { readonly context: RouteContext; readonly upstream: Upstream },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { raw } = request;
  const { socket } = raw;
  const port = parsePort(pathParam(request, 'port'));
  const id = idParam(request);
  using client = openClientSignal(reply.raw, context.closing);
  const address = await context.lifecycle.resolve(id, port, client.signal);
  if (raw.headers.upgrade?.toLowerCase() === 'websocket') {
    throw new Fault('invalid', 'proxy.refused', 'Websocket upgrade is not supported yet');
  }
  const way = await context.ways.to(address, client.signal);
  const question = upstream.ask(
    {
      name: `port ${port} of sandbox ${id}`,
      ...way,
      path: upstreamPath(address, proxyRest(request.originalUrl, raw.url ?? '')),
      method: request.method,
      headers: upstreamHeaders({
        rawHeaders: raw.rawHeaders,
        requestId: request.id,
        peer: socket.remoteAddress,
      }),
      body: hasBody(raw) ? raw : undefined,
    },
    client.signal,
  );
  const answer = await question.catch((error: unknown) => {
    if (isFault(error) && error.code === 'proxy.unreachable') context.ways.doubt();
    throw error;
  });
  const own = ownHeaders(reply);
  void reply.hijack();
  await relay(answer, own, reply.raw);
  // Answered before the whole body came: what is left of it would be taken for the next request.
  if (!raw.complete) socket.destroySoon();
}

/** A message has a body exactly when its framing says so; a length of nothing is none. */
function hasBody({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  return headers['content-length'] !== undefined && headers['content-length'] !== '0';
}

function ownHeaders(reply: FastifyReply): Record<string, string> {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) own[name] = String(value);
  }
  return own;
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
