import { setMaxListeners } from 'node:events';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { soundHost, requestIdOf } from '@opensandbox/http';
import { createUpstream, serverClosing } from '@opensandbox/proxy';
import { createAdmission } from './admission.ts';
import type { AppDeps } from './app-options.ts';
import { createCapacity } from './capacity.ts';
import { answerUnparsable } from './client-error.ts';
import { sendFault } from './error-reply.ts';
import { addFastProxy } from './fast-proxy.ts';
import { createDetours } from './proxy/detours.ts';
import { decodedPath, normaliseTarget, rawQuery } from './request-path.ts';
import { type RouteTable, createRouteTable } from './route-table.ts';
import { diagnosticRoutes } from './routes/diagnostics.ts';
import { docsRoutes } from './routes/docs.ts';
import { endpointRoutes } from './routes/endpoints.ts';
import { healthRoutes, methodNotAllowed, routeNotFound } from './routes/health.ts';
import { metricsEventRoutes } from './routes/metrics-events.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { poolRoutes } from './routes/pools.ts';
import { proxyRoutes } from './routes/proxy.ts';
import type { Route, RouteContext } from './routes/route.ts';
import { sandboxChangeRoutes } from './routes/sandbox-changes.ts';
import { sandboxRoutes } from './routes/sandboxes.ts';
import { snapshotRoutes } from './routes/snapshots.ts';
import { followedRoutes } from './telemetry/followed-routes.ts';
import { handleUpgrades } from './upgrades.ts';

const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
/** Room for the headers of proxied applications; the parser's default is 16 KiB. */
const HEADER_LIMIT_BYTES = 128 * 1024;
const TCP_KEEP_ALIVE_AFTER_MS = 30_000;
/** Longer than any head that the parser lets through: the router's own refusal would skip all hooks. */
const LONGEST_PARAM = 1024 * 1024;

const API = [
  sandboxRoutes,
  sandboxChangeRoutes,
  endpointRoutes,
  snapshotRoutes,
  diagnosticRoutes,
  poolRoutes,
  metricsEventRoutes,
];

/** The control plane's HTTP interface over a lifecycle. `close()` ends within the configured deadline. */
export function buildApp(deps: AppDeps): FastifyInstance {
  const app = createServer(deps);
  const closing = new AbortController();
  // Every connection listens to it while it lasts: ten of them are no leak.
  setMaxListeners(0, closing.signal);
  const context: RouteContext = { ...deps, closing: closing.signal };
  const upstream = createUpstream();
  const detours = createDetours();
  const api = [...API.flatMap((routes) => routes(context)), ...proxyRoutes(context, { upstream, detours })];
  const versioned = api.map((route): Route => ({ ...route, path: `/v1${route.path}` }));
  const routes = [...healthRoutes(), ...metricsRoutes(deps), ...docsRoutes(), ...api, ...versioned];
  const table = createRouteTable(routes);
  const capacity = createCapacity(deps.options.limitConcurrency);

  app.server.on('connection', (socket) => capacity.opened(socket));
  const upgrades = handleUpgrades(app.server, {
    deps: { ...deps, detours },
    capacity,
    closing: closing.signal,
  });
  app.addHook('onRequest', createAdmission(deps, capacity));
  app.setErrorHandler((error, _request, reply) => sendFault(reply, error, deps));
  app.setNotFoundHandler((request, reply) => answerUnrouted(table, request, reply));
  // A kept connection would hold `close()` up until its deadline.
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing.signal.aborted) void reply.header('connection', 'close');
    done();
  });
  register(app, followedRoutes(routes, deps.telemetry));
  addFastProxy(app.server, { ...context, upstream, detours }, capacity);
  app.addHook('preClose', (done) => {
    closing.abort(serverClosing());
    upgrades.closeAll();
    cutOffAtDeadline(app, deps);
    done();
  });
  app.addHook('onClose', () => upstream.close());
  return app;
}

function createServer({ options, newUuid }: AppDeps): FastifyInstance {
  return Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    exposeHeadRoutes: false,
    keepAliveTimeout: options.keepAliveTimeoutSeconds * 1000,
    // An upload through the proxy may take as long as it needs; incomplete headers still time out.
    requestTimeout: 0,
    return503OnClosing: false,
    routerOptions: { maxParamLength: LONGEST_PARAM, querystringParser: () => ({}) },
    // A client that vanished is noticed by the kernel: streams that are silent may last for days.
    http: {
      maxHeaderSize: HEADER_LIMIT_BYTES,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_AFTER_MS,
    },
    genReqId: (request) => requestIdOf(request.headers['x-request-id'], newUuid),
    rewriteUrl: (request) => normaliseTarget(request.url ?? '/'),
    clientErrorHandler: (error, socket) => answerUnparsable(error, socket, newUuid),
  });
}

/** Two sets of routes: those whose body is read into memory, and those that leave it in the connection. */
function register(app: FastifyInstance, routes: readonly Route[]): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  addRoutes(
    app,
    routes.filter(({ body }) => body === undefined),
  );
  void app.register((unread, _options, done) => {
    unread.removeAllContentTypeParsers();
    unread.addContentTypeParser('*', (_request, _body, ready) => ready(null));
    addRoutes(
      unread,
      routes.filter(({ body }) => body === 'unread'),
    );
    done();
  });
}

function addRoutes(app: FastifyInstance, routes: readonly Route[]): void {
  for (const { method, path, handle, bodyLimitBytes } of routes) {
    const limit = bodyLimitBytes === undefined ? {} : { bodyLimit: bodyLimitBytes };
    app.route({ method, url: path, handler: handle, ...limit });
  }
}

/** A known path with another method, a known path with a slash too many, or nothing. */
function answerUnrouted(table: RouteTable, request: FastifyRequest, reply: FastifyReply): void {
  const target = request.raw.url ?? '';
  const path = decodedPath(target);
  const methods = table.methodsOf(path);
  if (methods !== undefined) {
    void reply.header('allow', methods.join(', '));
    throw methodNotAllowed();
  }
  const host = soundHost(request.headers.host);
  if (!path.endsWith('/') || host === undefined || table.methodsOf(path.slice(0, -1)) === undefined) {
    throw routeNotFound();
  }
  const query = rawQuery(target);
  const location = target.slice(0, target.length - (query === '' ? 0 : query.length + 1)).slice(0, -1);
  void reply
    .code(307)
    .header('location', `http://${host}${location}${query === '' ? '' : `?${query}`}`)
    .send();
}

/** Streams may never end by themselves: what is still open at the deadline is cut off. */
function cutOffAtDeadline({ server }: FastifyInstance, { clock, options }: AppDeps): void {
  if (!server.listening) return;
  const timer = clock.at(clock.now() + options.closeDeadlineMs, () => server.closeAllConnections());
  server.once('close', () => timer[Symbol.dispose]());
}
