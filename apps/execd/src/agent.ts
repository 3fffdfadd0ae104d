import type { Clock, Logger, Scope } from '@opensandbox/base';
import { toFault } from '@opensandbox/base';
import { faultFields } from '@opensandbox/http';
import { Hono } from 'hono';
import { TOKEN_HEADER, unauthorized } from './access-token.ts';
import type { TokenCheck } from './access-token.ts';
import type { CommandRunner } from './commands/command-runner.ts';
import { emptyResponse, faultResponse } from './error-envelope.ts';
import type { PortProxy, Visitor } from './proxy/port-proxy.ts';
import { outcomeOf } from './events/event-stream.ts';
import { parseProxiedPath, routePath, targetOf, withoutOwnProxy } from './request-path.ts';
import { commandRoutes } from './routes/commands.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { routeEnvironment, upgradedResponse } from './routes/route-environment.ts';
import type { Telemetry } from './telemetry/telemetry.ts';

export interface AgentDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly scope: Scope;
  readonly runner: CommandRunner;
  readonly proxy: PortProxy;
  readonly isAllowed: TokenCheck;
  /** The port this agent listens on; asked late, because it may be assigned. */
  readonly ownPort: () => number;
  readonly telemetry: Telemetry;
  /** Further groups of routes, each at its full path. */
  readonly groups: readonly Hono[];
}

/** Answers one request. Undefined when its connection was taken over. */
export type Agent = (request: Request, visitor: Visitor) => Promise<Response | undefined>;

/** The order is part of the contract: token, then proxy, then routes. */
export function createAgent(deps: AgentDeps): Agent {
  const router = createRouter(deps);

  async function answer(
    request: Request,
    visitor: Visitor,
    traceHeaders: readonly string[],
  ): Promise<Response | undefined> {
    if (!deps.isAllowed(request.headers.get(TOKEN_HEADER))) return unauthorized();
    const { path, query } = targetOf(request.url);
    const own = withoutOwnProxy(path, deps.ownPort());
    const proxied = parseProxiedPath(own);
    if (proxied !== undefined) return deps.proxy(request, { ...proxied, query, traceHeaders }, visitor);
    if (request.method === 'HEAD') return notFound();
    const response = await router.fetch(request, routeEnvironment(visitor));
    return response === upgradedResponse ? undefined : response;
  }

  return async (request, visitor) => {
    const followed = deps.telemetry.begin(request);
    const response = await answer(request, visitor, followed?.headers ?? []).catch((error: unknown) =>
      explain(deps.log, error),
    );
    followed?.answered({
      method: request.method,
      route: routeTemplate(router, request, deps.ownPort()),
      status: response?.status ?? SWITCHING_PROTOCOLS,
      outcome: response === undefined ? undefined : outcomeOf(response),
    });
    return response;
  };
}

function createRouter(deps: AgentDeps): Hono {
  const router = new Hono({
    getPath: (request) => routePath(withoutOwnProxy(targetOf(request.url).path, deps.ownPort())),
  });
  router.get('/ping', () => emptyResponse());
  router.route('/', commandRoutes(deps.runner));
  router.route('/', metricsRoutes(deps));
  for (const group of deps.groups) router.route('/', group);
  router.notFound((context) => {
    const { path, query } = targetOf(context.req.raw.url);
    return (
      redirectToKnown(router, context.req.raw.method, { path, query, ownPort: deps.ownPort() }) ?? notFound()
    );
  });
  router.onError((error) => explain(deps.log, error));
  return router;
}

const SWITCHING_PROTOCOLS = 101;

/** The route a request goes to, as it is declared. Undefined when it goes to none, or through the proxy. */
function routeTemplate(router: Hono, request: Request, ownPort: number): string | undefined {
  const own = withoutOwnProxy(targetOf(request.url).path, ownPort);
  if (parseProxiedPath(own) !== undefined) return undefined;
  const [handlers] = router.router.match(request.method, routePath(own));
  return handlers.at(-1)?.[0][1].path; // before it stand those that only look on
}

/** A known route written with a slash at its end is somewhere else, not nowhere. */
function redirectToKnown(
  router: Hono,
  method: string,
  target: { readonly path: string; readonly query: string; readonly ownPort: number },
): Response | undefined {
  if (!target.path.endsWith('/')) return undefined;
  const shorter = target.path.replace(/\/+$/, '');
  const path = routePath(withoutOwnProxy(shorter, target.ownPort));
  const [handlers] = router.router.match(method, path);
  if (shorter === '' || path === '/' || handlers.length === 0) return undefined;
  const status = method === 'GET' ? 301 : 307;
  return new Response(`moved to ${shorter}\n`, { status, headers: { Location: shorter + target.query } });
}

function notFound(): Response {
  return new Response('404 page not found', {
    status: 404,
    headers: { 'Content-Type': 'text/plain; charset=utf-8' },
  });
}

function explain(log: Logger, error: unknown): Response {
  const response = faultResponse(error);
  const fault = toFault(error);
  if (response.status >= 500 && fault.code !== 'operation.cancelled') {
    log.warn('request.failed', faultFields(fault));
  }
  return response;
}
