import type { IncomingMessage } from 'node:http';
import { Fault } from '@opensandbox/base';
import { headerIn } from '@opensandbox/http';
import {
  OLD_ROUTE_HEADER,
  ROUTE_HEADER,
  type Route,
  parseRouteLabel,
  parseRoutePath,
} from '@opensandbox/route-tokens';

/** `header`: a header or the host name names the sandbox; `uri`: the path does. */
export type GatewayMode = 'header' | 'uri';

/** What a request asks for. */
export interface RequestTarget {
  readonly route: Route;
  /** Path and query for the service, as they were sent. */
  readonly path: string;
  /** The same where the sandbox asks for no proof: what looks like one is a part of the path then. */
  readonly pathWithProof: string;
}

/** Longer than the name of any sandbox: what clients make up is asked for, and remembered for a while. */
const LONGEST_ID = 256;

export type RequestLine = Pick<IncomingMessage, 'url' | 'rawHeaders'>;

/** Throws a Fault (`invalid`, `route.invalid`) for a request that names no sandbox. */
export function readTarget(mode: GatewayMode, request: RequestLine): RequestTarget {
  const { authority, path, query } = splitTarget(request.url ?? '/');
  if (mode === 'uri') {
    const route = parseRoutePath(path);
    if (!route.ok) throw noRoute(route.problem);
    const { rest, restWithProof } = route;
    return { route: withOwnId(route), path: rest + query, pathWithProof: restWithProof + query };
  }
  const route = parseRouteLabel(routingKey(request.rawHeaders, authority));
  if (!route.ok) throw noRoute(route.problem);
  if (!path.startsWith('/')) throw noRoute('the request target has to be a path');
  return { route: withOwnId(route), path: path + query, pathWithProof: path + query };
}

/** A header without a value counts as none. */
function routingKey(rawHeaders: readonly string[], authority: string | undefined): string {
  for (const name of [ROUTE_HEADER, OLD_ROUTE_HEADER]) {
    const value = headerIn(rawHeaders, name)?.trim() ?? '';
    if (value !== '') return value;
  }
  return authority ?? headerIn(rawHeaders, 'host') ?? '';
}

interface SplitTarget {
  /** Of a target in absolute form; it counts more than `Host` does. */
  readonly authority: string | undefined;
  readonly path: string;
  /** With its `?`; `''` when there is none. */
  readonly query: string;
}

/** A request target without its fragment, which no client may send. A scheme in it never decides how to dial. */
function splitTarget(target: string): SplitTarget {
  const absolute = /^https?:\/\/([^/?#]*)/i.exec(target);
  const [local = ''] = target.slice(absolute?.[0].length ?? 0).split('#', 1);
  const queryAt = local.indexOf('?');
  const path = queryAt === -1 ? local : local.slice(0, queryAt);
  return {
    authority: absolute?.[1],
    path: path === '' ? '/' : path,
    query: queryAt === -1 ? '' : local.slice(queryAt),
  };
}

/** A copy of the id: the part of a text keeps all of it in memory, for as long as anybody remembers the part. */
function withOwnId({ sandboxId, port, proof }: Route): Route {
  if (sandboxId.length > LONGEST_ID) throw noRoute('the sandbox id is too long');
  return { sandboxId: Buffer.from(sandboxId).toString(), port, proof };
}

function noRoute(problem: string): Fault {
  return new Fault('invalid', 'route.invalid', `invalid ingress route: ${problem}`);
}
