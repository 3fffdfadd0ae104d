import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault, isFault } from '@opensandbox/base';
import { type Upstream, forward, openClientSignal } from '@opensandbox/proxy';
import { proxyRest } from '../proxy/proxy-path.ts';
import { sandboxDestination } from '../proxy/sandbox-destination.ts';
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
      handle: (request, reply) => passOn({ context, upstream }, request, reply),
    })),
  );
}

async function passOn(
  { context, upstream }: { readonly context: RouteContext; readonly upstream: Upstream },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { raw } = request;
  const port = parsePort(pathParam(request, 'port'));
  const id = idParam(request);
  const target = proxyRest(request.originalUrl, raw.url ?? '');
  using client = openClientSignal(reply.raw, context.closing);
  const destination = await sandboxDestination(
    context,
    { id, port, target, request: raw, requestId: request.id },
    client.signal,
  );
  if (raw.headers.upgrade?.toLowerCase() === 'websocket') {
    throw new Fault('invalid', 'proxy.refused', 'Websocket upgrade is not supported yet');
  }
  const own = (): Record<string, string> => {
    const headers = ownHeaders(reply);
    void reply.hijack();
    return headers;
  };
  try {
    await forward(upstream, { request: raw, response: reply.raw, destination, own }, client.signal);
  } catch (error) {
    if (isFault(error) && error.code === 'proxy.unreachable') context.ways.doubt();
    throw error;
  }
}

function ownHeaders(reply: FastifyReply): Record<string, string> {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) own[name] = String(value);
  }
  return own;
}
