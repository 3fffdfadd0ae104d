import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Upstream, openClientSignal } from '@opensandbox/proxy';
import type { Detours } from '../proxy/detours.ts';
import { type PassOnDeps, passOn } from '../proxy/pass-on.ts';
import { PROXY_ROUTES, proxyRest } from '../proxy/proxy-path.ts';
import { parsePort } from '../wire/index.ts';
import { type Route, type RouteContext, idParam, pathParam } from './route.ts';

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'] as const;

/** What proxied requests need beside what all handlers have. */
export interface ProxyParts {
  readonly upstream: Upstream;
  readonly detours: Detours;
}

export function proxyRoutes(context: RouteContext, parts: ProxyParts): readonly Route[] {
  const deps = { ...context, ...parts };
  return PROXY_ROUTES.flatMap((path) =>
    METHODS.map((method): Route => ({
      method,
      path,
      body: 'unread',
      handle: (request, reply) => handle(deps, request, reply),
    })),
  );
}

async function handle(
  deps: PassOnDeps & Pick<RouteContext, 'closing'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { raw } = request;
  const target = proxyRest(request.originalUrl, raw.url ?? '');
  const port = parsePort(pathParam(request, 'port'));
  using client = openClientSignal(reply.raw, deps.closing);
  const own = (): Record<string, string> => {
    const headers = ownHeaders(reply);
    void reply.hijack();
    return headers;
  };
  const asked = { id: idParam(request), port, target, request: raw, requestId: request.id };
  await passOn(deps, asked, { response: reply.raw, own }, client.signal);
}

function ownHeaders(reply: FastifyReply): Record<string, string> {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) own[name] = String(value);
  }
  return own;
}
