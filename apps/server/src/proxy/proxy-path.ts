import { Fault } from '@opensandbox/base';
import type { PortAddress } from '@opensandbox/core';

/*
 * The one grammar of proxied paths: `/sandboxes/{id}/proxy/{port}[/rest]` and its short form `/route/{id}/{port}[/rest]`,
 * both also below `/v1`. Routing, authentication and logging ask here, so that they cannot disagree.
 */

const ROUTE = /^(?:\/v1)?\/(?:sandboxes\/([^/]+)\/proxy|route\/([^/]+))\/([0-9]+)(?:\/(.*))?$/s;
/** The same on the raw path; an encoded slash in the id would shift the segments. */
const RAW_ROUTE =
  /^(?:\/v1)?\/(?:sandboxes\/(?:[^/%]|%(?!2f))+\/proxy|route\/(?:[^/%]|%(?!2f))+)\/[0-9]+(?:\/(.*))?$/is;
const LOGGED = /^((?:\/v1)?\/(?:sandboxes\/[^/]+\/proxy|route\/[^/]+)\/[^/]+)\/.+$/;

/** The routes of the HTTP side, in the router's words. */
export const PROXY_ROUTES: readonly string[] = [
  '/sandboxes/:id/proxy/:port',
  '/sandboxes/:id/proxy/:port/*',
  '/route/:id/:port',
  '/route/:id/:port/*',
];

/** What a proxied request asks of the service inside, as it was sent. */
export interface ProxyRequestTarget {
  readonly rest: string;
  /** With its `?`; `''` when there is none. */
  readonly query: string;
}

/** Sandbox id and port (as text) of a decoded path, or `undefined` when it is no proxied path. */
export function proxyRoute(path: string): { readonly id: string; readonly port: string } | undefined {
  const match = ROUTE.exec(path);
  const id = match?.[1] ?? match?.[2];
  return id === undefined || match?.[3] === undefined ? undefined : { id, port: match[3] };
}

/**
 * Whether a decoded path leads to a port of a sandbox and nowhere else. Two dots anywhere make that doubtful: what
 * they mean is up to whoever reads the path next.
 */
export function isProxiedPath(path: string): boolean {
  return ROUTE.test(path) && !path.includes('..');
}

/** A decoded path without what follows the port: that belongs to the service and may carry its secrets. */
export function withoutRest(path: string): string {
  return path.replace(LOGGED, '$1/…');
}

/**
 * What follows the port in a request target, byte for byte as the client sent it. `normalised` stands in where
 * the raw form hides the route behind encodings. Refuses what could lead out of the port that was named.
 */
export function proxyRest(raw: string, normalised: string): ProxyRequestTarget {
  const { path, query } = splitTarget(raw);
  const match = RAW_ROUTE.exec(path);
  const rest = match === null ? ROUTE.exec(splitTarget(normalised).path)?.[4] : match[1];
  if (NEEDS_A_LOOK.test(path)) checkPath(path);
  return { rest: rest ?? '', query };
}

/** The path and query to ask the service for, behind the address's own prefix. */
export function upstreamPath(address: PortAddress, target: ProxyRequestTarget): string {
  return `${prefixOf(address)}${pathInside(target)}`;
}

/** The path and query as the service itself is to read them. */
export function pathInside({ rest, query }: ProxyRequestTarget): string {
  return `/${rest.replace(/^\/+/, '')}${query}`;
}

/** Whether the agent stands between: it forwards, and is not meant itself. */
export function isForwardedByAgent(address: PortAddress): boolean {
  return prefixOf(address) !== '';
}

/** The agent forwards to itself under its own port's prefix; the shorter way is to ask it directly. */
function prefixOf({ reach, pathPrefix }: PortAddress): string {
  return reach.kind === 'mapped' && pathPrefix === '/proxy/44772' ? '' : pathPrefix;
}

/** Only a path with one of these can hold a dot segment or a control character. */
const NEEDS_A_LOOK = /\.(?:[./\\%]|$)|%(?:[01]|2e|5c|7f)|[\x00-\x20\x7f]/i;
const CONTROL = /%(?:[01][0-9a-f]|7f)|[\x00-\x20\x7f]/i;
const SEPARATOR = /[/\\]|%2f|%5c/i;
const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i;

/** A dot segment could leave the prefix, and with it the sandbox's port; a control character has no place in a path. */
function checkPath(path: string): void {
  if (CONTROL.test(path)) throw refused('A proxied path must not contain control characters.');
  if (path.split(SEPARATOR).some((segment) => DOT_SEGMENT.test(segment))) {
    throw refused('A proxied path must not contain "." or ".." segments. Resolve them before sending.');
  }
}

function refused(message: string): Fault {
  return new Fault('invalid', 'proxy.refused', message);
}

function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const withoutFragment = target.replace(/#.*$/s, '').replace(/^https?:\/\/[^/?]*/i, '');
  const queryAt = withoutFragment.indexOf('?');
  return queryAt === -1
    ? { path: withoutFragment, query: '' }
    : { path: withoutFragment.slice(0, queryAt), query: withoutFragment.slice(queryAt) };
}
