import type { IncomingMessage } from 'node:http';
import { Fault } from '@opensandbox/base';
import type { Lifecycle, PortAddress, SandboxId } from '@opensandbox/core';
import { SEALED_HEAD, headerIn, sealRequest } from '@opensandbox/http';
import { type Destination, upstreamHeaders } from '@opensandbox/proxy';
import type { SandboxWays } from '../sandbox-ways.ts';
import { type HttpTelemetry, NO_HTTP_TELEMETRY } from '../telemetry/server-telemetry.ts';
import { type Detours, type Way, detourOf } from './detours.ts';
import { type ProxyRequestTarget, isForwardedByAgent, pathInside, upstreamPath } from './proxy-path.ts';
import { OPEN_POLICY, type ProxyPolicy, checkHost, checkPolicy } from './proxy-policy.ts';

/** The caller's credentials for this server, which must not reach a sandbox. */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'open-sandbox-api-key',
  'open-sandbox-client-ip',
  SEALED_HEAD,
]);

export interface DestinationDeps {
  readonly lifecycle: Lifecycle;
  /** Where the proxy dials sandboxes. */
  readonly ways: SandboxWays;
  readonly detours: Detours;
  readonly options: { readonly proxy?: ProxyPolicy | undefined };
  readonly telemetry?: HttpTelemetry | undefined;
}

/** A port of a sandbox, and what is asked of it. */
export interface SandboxRequest {
  readonly id: SandboxId;
  readonly port: number;
  readonly target: ProxyRequestTarget;
  readonly request: IncomingMessage;
  readonly requestId: string;
}

export interface SandboxDestination {
  readonly destination: Destination;
  readonly way: Way;
  /** The same, sealed whole, for an agent that would lose something of it otherwise. */
  readonly sealed: Destination | undefined;
  /** The service has two ways, and this one was seen to work. */
  readonly isProven: boolean;
  /** Whether it is worth remembering that this way works: there are two. */
  readonly isChoice: boolean;
  /** Where else the same service may be found. */
  readonly other: (() => Promise<SandboxDestination>) | undefined;
}

/** Where a proxied request goes. Waits a little for a sandbox that is still starting. */
export async function sandboxDestination(
  deps: DestinationDeps,
  asked: SandboxRequest,
  signal: AbortSignal,
): Promise<SandboxDestination> {
  const { id, port, target } = asked;
  checkOneHost(asked.request);
  // Before anything is known of the request: that somebody came is enough.
  deps.lifecycle.accessed(id, 'server_proxy');
  const address = await deps.lifecycle.visit(id, port, signal);
  checkPolicy(deps.options.proxy ?? OPEN_POLICY, address, { port, rest: target.rest });
  const detour = detourOf(address, port);
  const usual = { address, isChoice: true, way: address.pathPrefix === '' ? 'published' : 'agent' } as const;
  if (detour === undefined) return at(deps, asked, { ...usual, isChoice: false, other: undefined }, signal);
  const bent = { address: detour, isChoice: true, way: 'agent' } as const;
  const [first, second] = deps.detours.known(id) === 'agent' ? [bent, usual] : [usual, bent];
  const other = (): Promise<SandboxDestination> => at(deps, asked, { ...second, other: undefined }, signal);
  return at(deps, asked, { ...first, other }, signal);
}

/** Of two hosts every hop may believe another one (RFC 9112, 3.2). */
function checkOneHost({ rawHeaders }: IncomingMessage): void {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  if (hosts > 1) throw new Fault('invalid', 'proxy.refused', 'A request must have one Host header.');
}

interface Place extends Pick<SandboxDestination, 'way' | 'isChoice' | 'other'> {
  readonly address: PortAddress;
}

async function at(
  { ways, detours, telemetry = NO_HTTP_TELEMETRY }: DestinationDeps,
  { id, port, target, request, requestId }: SandboxRequest,
  { address, way, isChoice, other }: Place,
  signal: AbortSignal,
): Promise<SandboxDestination> {
  const { rawHeaders } = request;
  const peer = request.socket.remoteAddress;
  const { host, port: dialled } = await ways.to(address, signal);
  checkHost(host);
  const headers = upstreamHeaders(rawHeaders, {
    dropped: NOT_FORWARDED,
    set: telemetry.trackOf(request).dialled(way),
    added: [
      ['X-Forwarded-Proto', 'http'],
      ['X-Forwarded-Host', headerIn(rawHeaders, 'host')],
      ['X-Forwarded-For', peer],
      ['X-Request-ID', requestId],
    ],
  });
  const path = upstreamPath(address, target);
  const plain = { name: `port ${port} of sandbox ${id}`, host, port: dialled, path, headers };
  const known = { way, isChoice, isProven: isChoice && detours.known(id) === way, other };
  if (!isForwardedByAgent(address)) return { ...known, destination: plain, sealed: undefined };
  const head = { method: request.method ?? 'GET', target: pathInside(target), rawHeaders: headers };
  const destination = { ...plain, headers: [...headers, SEALED_HEAD, sealRequest(head)] };
  const sealed = {
    ...plain,
    method: 'POST',
    headers: [...headers, SEALED_HEAD, sealRequest(head, true)],
  };
  return { ...known, destination, sealed };
}
