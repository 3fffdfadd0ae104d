import type { IncomingMessage } from 'node:http';
import type { TrafficFacts } from '@opensandbox/proxy';
import { carriedHeaders, contextOf } from '@opensandbox/telemetry';
import type { Span, Tracing } from '@opensandbox/telemetry';
import type { Instruments } from './instruments.ts';

type TrafficKind = 'http' | 'websocket';

/** What a request is followed by, from its admission to its end. */
export interface RequestTrack {
  /** For the log line of the request; undefined when nobody records its trace. */
  readonly traceId: string | undefined;
  /** Runs the handler, so that what it starts belongs to the request's trace. */
  within<T>(task: () => T): T;
  /** The address is known: headers that replace what the client sent about its trace. */
  dialled(way: string): readonly string[];
  /** The end of a request or tunnel that was dialled. */
  observed(facts: TrafficFacts): void;
  /** Once, with the answer. `route` is the template, undefined when none matched. */
  ended(status: number, route: string | undefined): void;
}

export const NO_TRACK: RequestTrack = {
  traceId: undefined,
  within: (task) => task(),
  dialled: () => [],
  observed: () => undefined,
  ended: () => undefined,
};

export interface TrackDeps {
  readonly instruments: Instruments;
  readonly tracing: Tracing;
  readonly now: () => number;
}

interface Proxying {
  readonly kind: TrafficKind;
  readonly way: string;
  readonly span: Span | undefined;
}

/** Any token is a method to HTTP, and each would be a series of its own. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const UNMATCHED = 'unmatched';
const FIRST_SERVER_ERROR = 500;

export function beginTrack(request: IncomingMessage, deps: TrackDeps): RequestTrack {
  const { instruments, tracing, now } = deps;
  const method = METHODS.has(request.method ?? '') ? (request.method ?? '') : 'OTHER';
  const startedAt = now();
  const span = tracing.isOn ? beginSpan(request, method, tracing) : undefined;
  instruments.requestsOpen.of().add(1);
  let proxying: Proxying | undefined;
  let hasEnded = false;

  function leave(): void {
    if (proxying === undefined) return;
    instruments.proxyOpen.of(proxying.kind).add(-1);
    proxying.span?.end();
    proxying = undefined;
  }

  return {
    traceId: span?.isRecorded === true ? span.context?.traceId : undefined,
    within: (task) => (span === undefined ? task() : tracing.within(span, task)),
    dialled(way) {
      leave();
      if (hasEnded) return []; // the client left meanwhile: nobody would end it
      const kind = kindOf(request);
      instruments.proxyLookup.of().record((now() - startedAt) / 1000);
      instruments.proxyOpen.of(kind).add(1);
      const proxySpan =
        span &&
        tracing.begin('proxy', {
          kind: 'client',
          parent: span,
          attributes: { 'opensandbox.proxy.way': way },
        });
      proxying = { kind, way, span: proxySpan };
      return carriedHeaders(proxySpan);
    },
    observed(facts) {
      if (proxying === undefined) return;
      countTraffic(proxying, facts, instruments);
      leave();
    },
    ended(status, route) {
      hasEnded = true;
      // Of a client that leaves, the proxy hears by the same event and after this: it still has to say what passed.
      queueMicrotask(leave);
      instruments.requestsOpen.of().add(-1);
      const isOwn = route === undefined || !isProxied(route);
      // The status of a service is anything that somebody in a sandbox makes up.
      instruments.requests.of(method, route ?? UNMATCHED, isOwn ? String(status) : classOf(status)).add(1);
      if (route !== undefined && isOwn) {
        instruments.requestSeconds.of(method, route).record((now() - startedAt) / 1000);
      }
      span?.rename(`${method} ${route ?? UNMATCHED}`);
      span?.set('http.route', route ?? UNMATCHED);
      span?.set('http.response.status_code', status);
      if (status >= FIRST_SERVER_ERROR) span?.fail(String(status));
      span?.end();
    },
  };
}

function kindOf({ headers }: IncomingMessage): TrafficKind {
  return headers.upgrade?.toLowerCase() === 'websocket' ? 'websocket' : 'http';
}

function beginSpan(request: IncomingMessage, method: string, tracing: Tracing): Span {
  return tracing.begin(method, {
    kind: 'server',
    parent: contextOf(request.headers),
    attributes: { 'http.request.method': method },
  });
}

function countTraffic({ kind, way, span }: Proxying, facts: TrafficFacts, instruments: Instruments): void {
  const { status, firstByteMs, durationMs, upBytes, downBytes, isBroken } = facts;
  instruments.proxied.of(kind, way, status === undefined ? 'none' : classOf(status)).add(1);
  if (firstByteMs !== undefined) instruments.proxyFirstByte.of(way).record(firstByteMs / 1000);
  instruments.proxySeconds.of(kind).record(durationMs / 1000);
  instruments.proxyBytes.of('up').add(upBytes);
  instruments.proxyBytes.of('down').add(downBytes);
  if (isBroken) instruments.proxyBroken.of(kind).add(1);
  if (status !== undefined) span?.set('http.response.status_code', status);
  if (isBroken || status === undefined) span?.fail(status === undefined ? 'unanswered' : 'broken');
}

function classOf(status: number): string {
  return `${Math.floor(status / 100)}xx`;
}

/** What follows a port is a stream as often as not: its length says nothing of this server. */
function isProxied(route: string): boolean {
  return route.includes('/proxy/:port') || route.includes('/route/:id/:port');
}
