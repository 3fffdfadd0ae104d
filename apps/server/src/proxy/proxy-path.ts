import { Fault } from '@opensandbox/base';
import type { PortAddress } from '@opensandbox/core';

const ROUTE = /^(?:\/v1)?\/sandboxes\/([^/]+)\/proxy\/([0-9]+)(?:\/(.*))?$/s;
/** The same on the raw path; an encoded slash in the id would shift the segments. */
const RAW_ROUTE = /^(?:\/v1)?\/sandboxes\/(?:[^/%]|%(?!2f))+\/proxy\/[0-9]+(?:\/(.*))?$/is;

/** What a proxied request names: a sandbox, a port, and the target for the service inside, as it was sent. */
export interface ProxyRequestTarget {
  readonly rest: string;
  /** With its `?`; `''` when there is none. */
  readonly query: string;
}

/**
 * What follows the port in a request target, byte for byte as the client sent it. `normalised` stands in where
 * the raw form hides the route behind encodings.
 */
export function proxyRest(raw: string, normalised: string): ProxyRequestTarget {
  const { path, query } = splitTarget(raw);
  const rest = RAW_ROUTE.exec(path);
  if (rest !== null) return { rest: rest[1] ?? '', query };
  return { rest: ROUTE.exec(splitTarget(normalised).path)?.[3] ?? '', query };
}

/** Sandbox id and port (as text) of a decoded path, or `undefined` when it is no proxy path. */
export function proxyRoute(path: string): { readonly id: string; readonly port: string } | undefined {
  const match = ROUTE.exec(path);
  return match?.[1] === undefined || match[2] === undefined ? undefined : { id: match[1], port: match[2] };
}

/** The path and query to ask the service for, behind the address's own prefix. */
export function upstreamPath(address: PortAddress, target: ProxyRequestTarget): string {
  const rest = target.rest.replace(/^\/+/, '');
  if (climbs(rest)) {
    throw new Fault(
      'invalid',
      'proxy.refused',
      'A proxied path must not contain "." or ".." segments. Resolve them before sending.',
    );
  }
  return `${prefixOf(address)}/${rest}${target.query}`;
}

/** The agent forwards to itself under its own port's prefix; the shorter way is to ask it directly. */
function prefixOf({ reach, pathPrefix }: PortAddress): string {
  return reach.kind === 'mapped' && pathPrefix === '/proxy/44772' ? '' : pathPrefix;
}

/** A dot segment could leave the prefix, and with it the sandbox's port. */
function climbs(rest: string): boolean {
  return rest.split(/\/|%2f/i).some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
}

function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const withoutFragment = target.replace(/#.*$/s, '').replace(/^https?:\/\/[^/?]*/i, '');
  const queryAt = withoutFragment.indexOf('?');
  return queryAt === -1
    ? { path: withoutFragment, query: '' }
    : { path: withoutFragment.slice(0, queryAt), query: withoutFragment.slice(queryAt) };
}
