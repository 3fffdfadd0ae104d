import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { sandboxId } from '@opensandbox/core';
import { requestIdOf } from '@opensandbox/http';
import { awaitLeave, closeWithConnection, connectionSignal } from '@opensandbox/proxy';
import { statusOf, writeAccessLine } from './access-log.ts';
import type { Capacity } from './capacity.ts';
import { createCorsPolicy, isPreflight } from './cors.ts';
import { faultAnswer } from './error-reply.ts';
import { type PassOnDeps, passOn } from './proxy/pass-on.ts';
import { isProxiedPath, proxyRest } from './proxy/proxy-path.ts';
import { decodedPath, normaliseTarget } from './request-path.ts';
import type { RouteContext } from './routes/route.ts';
import { NO_HTTP_TELEMETRY } from './telemetry/server-telemetry.ts';

/** Targets that need no second look: nothing of the route is encoded, and nothing in them could climb. */
const PLAIN_ROUTE =
  /^(?:\/v1)?\/(?:sandboxes\/([A-Za-z0-9_.-]+)\/proxy|route\/([A-Za-z0-9_.-]+))\/([0-9]{1,5})(?=([/?])|$)/;
const NEEDS_A_LOOK = /\.\.|%2e|[^\x21-\x7e]|#/i;
const METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']);

export interface FastProxyDeps extends PassOnDeps, Pick<RouteContext, 'closing' | 'newUuid' | 'runtimeName'> {
  readonly options: RouteContext['options'];
  readonly log: RouteContext['log'];
  readonly telemetry?: RouteContext['telemetry'];
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * The short way of proxied requests, past the framework: most requests of a busy server are of this kind, and all that
 * the framework adds to them is time. What is not plainly such a request takes the usual way, and so does everything
 * that would be refused before it is passed on.
 */
export function addFastProxy(server: Server, deps: FastProxyDeps, capacity: Capacity): void {
  const [usual] = server.listeners('request') as Handler[];
  if (usual === undefined) return;
  const handle = fastHandler(deps, capacity);
  const listener: Handler = (request, response) => {
    closeWithConnection(request, response);
    if (!handle(request, response)) usual(request, response);
  };
  server.removeListener('request', usual);
  server.on('request', listener);
  // A client that asks for leave to send gets it when there is somebody to send to.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (isProxiedPath(decodedPath(normaliseTarget(request.url ?? '/')))) awaitLeave(response);
    else response.writeContinue();
    listener(request, response);
  });
}

interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly route: RegExpExecArray;
  readonly cors: Readonly<Record<string, string>>;
}

/** Answers whether it took the request. */
function fastHandler(deps: FastProxyDeps, capacity: Capacity): (...sent: Parameters<Handler>) => boolean {
  const { options, closing, newUuid, telemetry = NO_HTTP_TELEMETRY } = deps;
  const corsHeaders = createCorsPolicy(options.apiKey !== undefined);
  const isProxyPublic = options.proxy?.requireApiKey !== true;
  return (request, response) => {
    const { url = '/', method = '', headers } = request;
    if (!isProxyPublic || closing.aborted) return false;
    const route = PLAIN_ROUTE.exec(url);
    if (route === null || NEEDS_A_LOOK.test(url) || !METHODS.has(method)) return false;
    if (isPreflight(method, headers) || !capacity.enter()) return false;
    const requestId = requestIdOf(headers['x-request-id'], newUuid);
    const visit = { request, response, requestId, route, cors: corsHeaders(headers) };
    follow(deps, capacity, visit);
    const run = (): Promise<void> => answer(deps, visit);
    void (telemetry.isTracing ? telemetry.trackOf(request).within(run) : run());
    return true;
  };
}

/** Telemetry, the access line and the place among the running requests, as for every other request. */
function follow(
  deps: FastProxyDeps,
  capacity: Capacity,
  { request, response, requestId, route }: Visit,
): void {
  const { clock, log, telemetry = NO_HTTP_TELEMETRY } = deps;
  const startedAt = clock.now();
  const peer = request.socket.remoteAddress;
  const track = telemetry.began(request);
  response.once('close', () => {
    capacity.leave();
    const durationMs = clock.now() - startedAt;
    const status = statusOf(response);
    track.ended(status, templateOf(route));
    writeAccessLine(log, { request, requestId, traceId: track.traceId, peer, status, durationMs });
  });
}

async function answer(
  deps: FastProxyDeps,
  { request, response, requestId, route, cors }: Visit,
): Promise<void> {
  const own = { 'x-request-id': requestId, ...cors };
  try {
    const { url = '/' } = request;
    const asked = {
      id: sandboxId(route[1] ?? route[2] ?? ''),
      port: Number(route[3]),
      target: proxyRest(url, url),
      request,
      requestId,
    };
    await passOn(deps, asked, { response, own: () => own }, connectionSignal(request.socket, deps.closing));
  } catch (error) {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const { status, headers, body } = faultAnswer(error, deps, requestId);
    const closed = deps.closing.aborted ? { connection: 'close' } : {};
    response.writeHead(status, { ...own, ...headers, ...closed }).end(body);
  }
}

/** The route in the router's words. */
function templateOf([all, id, , , rest]: RegExpExecArray): string {
  const version = all.startsWith('/v1/') ? '/v1' : '';
  const path = id === undefined ? '/route/:id/:port' : '/sandboxes/:id/proxy/:port';
  return `${version}${path}${rest === '/' ? '/*' : ''}`;
}
