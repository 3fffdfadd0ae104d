import { setMaxListeners } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type Clock, Fault, type Logger, toFault } from '@opensandbox/base';
import { connectionOptions, faultFields, headerIn } from '@opensandbox/http';
import {
  type AnswerHead,
  type Upstream,
  closeWithConnection,
  createUpstream,
  forward,
  openClientSignal,
} from '@opensandbox/proxy';
import type { Tracing } from '@opensandbox/telemetry';
import { type AccessFacts, writeAccessLine } from './access-line.ts';
import { isAgentPath, readAgentsAnswer, sealForAgent } from './agent-hop.ts';
import type { GatewayMeter } from './gateway-meter.ts';
import { beginTrace } from './request-trace.ts';
import { type Passage, type RouteDeps, noteFailure, routeRequest } from './route-request.ts';
import { answerUnparsable } from './unparsable.ts';
import { handleUpgrades } from './upgrades.ts';
import { type PlainAnswer, faultToAnswer, plainAnswer } from './wire-faults.ts';

/** As much as the control plane takes. */
const HEADER_LIMIT_BYTES = 128 * 1024;
/** A client that trickles its headers is cut off; bodies and streams may take as long as they need. */
const HEADERS_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 65_000;
/** A client that vanished is noticed by the kernel: streams that are silent may last for days. */
const TCP_KEEP_ALIVE_AFTER_MS = 30_000;
const POWERED_BY = { 'reverse-proxy-server-powerby': 'OpenSandbox-ingress' };

export interface GatewayDeps extends RouteDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter: GatewayMeter;
  readonly tracing?: Tracing | undefined;
  /** 0 for no limit. */
  readonly maxConnections: number;
}

/** The gateway's HTTP side. Whoever opened it calls `listen` on `server`, and `close` once. */
export interface Gateway {
  readonly server: Server;
  /** Takes nothing new, lets what is open end, and cuts it off after `drainMs`. */
  close(drainMs: number): Promise<void>;
}

export function openGateway(deps: GatewayDeps): Gateway {
  const server = createServer({
    maxHeaderSize: HEADER_LIMIT_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_AFTER_MS,
  });
  if (deps.maxConnections > 0) server.maxConnections = deps.maxConnections;
  const upstream = createUpstream();
  const ended = new AbortController();
  // Every connection listens to it.
  setMaxListeners(0, ended.signal);
  const open = { deps, upstream, ended: ended.signal, isDraining: false };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
    void handle(open, request, response);
  server.on('request', onRequest);
  // Whoever waits for leave to send its body gets it once the request may pass.
  server.on('checkContinue', (request, response) => void handle(open, request, response, true));
  server.on('clientError', answerUnparsable);
  const upgrades = handleUpgrades(server, deps, ended.signal);
  return {
    server,
    async close(drainMs) {
      open.isDraining = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = deps.clock.at(deps.clock.now() + drainMs, () => {
        ended.abort(new Fault('unavailable', 'gateway.closing', 'the gateway is stopping'));
        upgrades.closeAll();
        server.closeAllConnections();
      });
      await Promise.all([closed, upgrades.ended()]);
      timer[Symbol.dispose]();
      await upstream.close();
    },
  };
}

interface Open {
  readonly deps: GatewayDeps;
  readonly upstream: Upstream;
  readonly ended: AbortSignal;
  isDraining: boolean;
}

async function handle(
  open: Open,
  request: IncomingMessage,
  response: ServerResponse,
  asksFirst = false,
): Promise<void> {
  const { deps, ended } = open;
  const { clock, log, meter } = deps;
  const passage: Passage = {};
  const startedAt = clock.now();
  const peer = request.socket.remoteAddress;
  const { method } = request;
  closeWithConnection(request, response);
  if (open.isDraining) response.shouldKeepAlive = false;
  using counted = meter.opened('http');
  const trace = beginTrace(deps.tracing, request);
  using client = openClientSignal(response, ended);
  let fault: Fault | undefined;
  try {
    const fixed = fixedAnswer(request);
    if (fixed !== undefined) send(request, response, fixed);
    else
      await passOn(
        open,
        { request, response, passage, asksFirst, peer, traceHeaders: trace.headers },
        client.signal,
      );
  } catch (error) {
    fault = toFault(error);
    noteFailure(deps, passage, fault);
    if (response.headersSent || fault.kind === 'cancelled') response.destroy();
    else send(request, response, faultToAnswer(fault));
    if (fault.kind === 'internal') log.error('gateway.request_failed', faultFields(fault));
    else log.debug('gateway.request_failed', faultFields(fault));
  }
  const status = response.headersSent ? response.statusCode : 499;
  const facts: AccessFacts = { kind: 'http', method, status, durationMs: clock.now() - startedAt, peer };
  counted.ended({ ...facts, code: fault?.code });
  trace.ended(status, fault?.code);
  writeAccessLine(log, passage, facts);
}

/** The gateway's own path, and a question that is about the gateway rather than a sandbox. */
function fixedAnswer({ method, url = '' }: IncomingMessage): PlainAnswer | undefined {
  if (url.split('?', 1)[0] === '/status.ok') return plainAnswer(200, 'OK');
  return method === 'OPTIONS' && url === '*' ? plainAnswer(200, '') : undefined;
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly passage: Passage;
  readonly asksFirst: boolean;
  readonly peer: string | undefined;
  readonly traceHeaders: readonly string[];
}

async function passOn(open: Open, asked: Asked, signal: AbortSignal): Promise<void> {
  const { deps, upstream } = open;
  const { request, response, passage } = asked;
  const found = await routeRequest(deps, asked, passage, signal);
  const { basePath = '' } = passage;
  // A body of a GET, which is rare, is what agents lose when they are given a sealed head.
  const isSealed = isAgentPath(basePath) && !(request.method === 'GET' && hasBody(request));
  if (asked.asksFirst) response.writeContinue();
  let isPolicySet = false;
  const exchange = {
    request,
    response,
    destination: isSealed ? sealForAgent(found, request.method ?? 'GET', basePath) : found,
    inspect: (head: AnswerHead): AnswerHead => {
      const said = isSealed ? readAgentsAnswer(found.name, head) : head;
      isPolicySet = headerIn(said.rawHeaders, 'referrer-policy') !== undefined;
      return said;
    },
    own: () => ({
      ...POWERED_BY,
      // Pages would tell the signed path to every site that they load something from.
      ...(passage.isSignedByPath === true && !isPolicySet ? { 'referrer-policy': 'no-referrer' } : {}),
      ...(open.isDraining ? { connection: 'close' } : {}),
    }),
    active: () => {
      if (passage.visit !== undefined) deps.visited(passage.visit);
    },
    observed: deps.meter.observed,
  };
  await forward(upstream, exchange, signal);
}

/** A connection with a body that nobody reads cannot be used again. */
function send(request: IncomingMessage, response: ServerResponse, answer: PlainAnswer): void {
  const isKept = !hasBody(request) && !connectionOptions(request.rawHeaders).has('close');
  if (!isKept) response.shouldKeepAlive = false;
  response.writeHead(answer.status, answer.headers);
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
