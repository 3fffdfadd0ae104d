import type { IncomingMessage } from 'node:http';
import { Fault } from '@opensandbox/base';
import { SEALED_HEAD, headerIn } from '@opensandbox/http';
import { type Destination, upstreamHeaders } from '@opensandbox/proxy';
import { ACCESS_HEADER, OLD_ROUTE_HEADER, ROUTE_HEADER, type Route } from '@opensandbox/route-tokens';
import type { DialAddress } from './directory.ts';

/** For the gateway alone, or its own. Everything else, `Authorization` and `Cookie` too, is for the service. */
const NOT_FORWARDED: ReadonlySet<string> = new Set(
  [ROUTE_HEADER, OLD_ROUTE_HEADER, ACCESS_HEADER, SEALED_HEAD].map((name) => name.toLowerCase()),
);

export interface RoutedRequest {
  readonly route: Route;
  /** Path and query for the service. */
  readonly path: string;
  readonly request: Pick<IncomingMessage, 'rawHeaders'>;
  /** The address of the client, as the socket has it. */
  readonly peer: string | undefined;
  /** Replace what the client sent about its trace. */
  readonly traceHeaders?: readonly string[] | undefined;
}

/** Where a routed request goes. */
export function upstreamRequest(routed: RoutedRequest, address: DialAddress): Destination {
  const { route, path } = routed;
  const { host, port, basePath } = address;
  const name = `port ${route.port} of sandbox ${route.sandboxId}`;
  if (!(port >= 1 && port <= 65535)) {
    throw new Fault('unavailable', 'proxy.unreachable', `upstream unreachable: there is no ${name}`);
  }
  if (basePath !== '' && climbs(path)) {
    throw new Fault('invalid', 'proxy.refused', 'the path must not contain "." or ".." segments');
  }
  return { name, host, port, path: basePath + path, headers: forwardedHeaders(routed) };
}

function forwardedHeaders({ request, peer, traceHeaders = [] }: RoutedRequest): string[] {
  const headers = upstreamHeaders(request.rawHeaders, {
    dropped: NOT_FORWARDED,
    set: traceHeaders,
    added: [
      ['X-Forwarded-Proto', 'http'],
      ['X-Forwarded-Host', headerIn(request.rawHeaders, 'host')],
    ],
  });
  return appendForwardedFor(headers, peer);
}

/** What was there, then the client: one header, whatever the number of hops. */
function appendForwardedFor(headers: readonly string[], peer: string | undefined): string[] {
  const others: string[] = [];
  const chain: string[] = [];
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? '';
    const value = headers[at + 1] ?? '';
    if (name.toLowerCase() !== 'x-forwarded-for') others.push(name, value);
    else if (value !== '') chain.push(value);
  }
  if (peer !== undefined && peer !== '') chain.push(plainAddress(peer));
  return chain.length === 0 ? others : [...others, 'X-Forwarded-For', chain.join(', ')];
}

/** A socket that takes both families shows IPv4 clients as `::ffff:a.b.c.d`. */
export function plainAddress(peer: string): string {
  return peer.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

/** Behind a base path a dot segment could lead to another port, or another sandbox. */
function climbs(path: string): boolean {
  const [local = ''] = path.split('?', 1);
  return local.split(/\/|%2f|\\|%5c/i).some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
}
