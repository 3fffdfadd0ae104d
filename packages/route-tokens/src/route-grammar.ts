import { parseExpiry } from './expiry-text.ts';
import type { RouteSignature } from './key-ring.ts';
import { signatureForm } from './signature.ts';

/** What a request names: a sandbox, a port, and perhaps a proof. */
export interface Route {
  readonly sandboxId: string;
  /** In the loose grammar any whole number, also one that no port has. */
  readonly port: number;
  readonly proof: RouteSignature | undefined;
}

/** A path that begins with a route. */
export interface PathRoute extends Route {
  /** What the service is asked for: byte for byte what follows the route, at least `/`. */
  readonly rest: string;
  /** The same when the proof is taken for a part of the service's own path; only where there is a proof. */
  readonly restWithProof: string;
}

/** Why no route could be read, for people. */
export interface NoRoute {
  readonly problem: string;
}

export type ParsedRoute<R> = ({ readonly ok: true } & R) | ({ readonly ok: false } & NoRoute);

/** A port in its one spelling, or `undefined`. */
export function parseRoutePort(text: string): number | undefined {
  if (!/^[1-9][0-9]{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

/**
 * The route in a routing header or host name: its first label, as `{id}-{port}` or `{id}-{port}-{expiry}-{signature}`.
 * What fits neither strictly is read once more as `{id}-{number}`.
 */
export function parseRouteLabel(text: string): ParsedRoute<Route> {
  const [label = ''] = text
    .trim()
    .replace(/^https?:\/\//i, '')
    .split('.', 1);
  const parts = label.split('-');
  if (label === '' || parts[0] === '') return refused(`no sandbox in ${quoted(label)}`);
  return strictLabel(parts) ?? looseLabel(parts);
}

function strictLabel(parts: readonly string[]): ParsedRoute<Route> | undefined {
  if (parts.length === 2) {
    const port = parseRoutePort(parts[1] ?? '');
    return port === undefined ? undefined : { ok: true, sandboxId: parts[0] ?? '', port, proof: undefined };
  }
  if (parts.length < 4) return undefined;
  const proof = parseProof(parts.at(-2), parts.at(-1));
  const port = parseRoutePort(parts.at(-3) ?? '');
  if (proof === undefined || port === undefined) return undefined;
  return { ok: true, sandboxId: parts.slice(0, -3).join('-'), port, proof };
}

function looseLabel(parts: readonly string[]): ParsedRoute<Route> {
  if (parts.length < 2) return refused(`expected {sandbox}-{port}, got ${quoted(parts.join('-'))}`);
  const text = parts.at(-1) ?? '';
  if (!/^[0-9]{1,15}$/.test(text)) return refused(`invalid port format: ${quoted(text)}`);
  return { ok: true, sandboxId: parts.slice(0, -1).join('-'), port: Number(text), proof: undefined };
}

/**
 * The route at the start of a path, `/{id}/{port}[/{expiry}/{signature}]`. The path is the raw one, without its query:
 * what follows the route is passed on as it was sent.
 */
export function parseRoutePath(path: string): ParsedRoute<PathRoute> {
  const [empty, id = '', portText = '', expiry, signature] = path.split('/', 5);
  const sandboxId = decoded(id);
  if (empty !== '' || sandboxId === undefined || sandboxId === '') {
    return refused('expected a path of the form /{sandbox}/{port}/...');
  }
  const port = parseRoutePort(decoded(portText) ?? '');
  if (port === undefined) return refused(`invalid port format: ${quoted(portText)}`);
  const prefix = `/${id}/${portText}`;
  const plain = path.slice(prefix.length) || '/';
  const proof = parseProof(expiry, signature);
  if (proof === undefined) return { ok: true, sandboxId, port, proof, rest: plain, restWithProof: plain };
  const rest = path.slice(`${prefix}/${proof.expiry}/${proof.signature}`.length) || '/';
  return { ok: true, sandboxId, port, proof, rest, restWithProof: plain };
}

function parseProof(expiry = '', signature = ''): RouteSignature | undefined {
  if (parseExpiry(expiry) === undefined || signatureForm(signature) === undefined) return undefined;
  return { expiry, signature };
}

function decoded(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined; // not valid percent-encoding: no name of anything
  }
}

const LONGEST_QUOTE = 64;

/** What goes back to the client; control characters of it never do. */
function quoted(text: string): string {
  const shown = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
  return JSON.stringify(shown.replace(/[^\x20-\x7e…]/g, '?'));
}

function refused(problem: string): { readonly ok: false } & NoRoute {
  return { ok: false, problem };
}
