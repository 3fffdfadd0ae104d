import type { IncomingMessage } from 'node:http';
import type { Lifecycle, SandboxId } from '@opensandbox/core';
import { headerIn } from '@opensandbox/http';
import { type Destination, upstreamHeaders } from '@opensandbox/proxy';
import type { SandboxWays } from '../sandbox-ways.ts';
import { type ProxyRequestTarget, upstreamPath } from './proxy-path.ts';

/** The caller's credentials for this server, which must not reach a sandbox. */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'open-sandbox-api-key',
  'open-sandbox-client-ip',
]);

export interface DestinationDeps {
  readonly lifecycle: Lifecycle;
  /** Where the proxy dials sandboxes. */
  readonly ways: SandboxWays;
}

/** A port of a sandbox, and what is asked of it. */
export interface SandboxRequest {
  readonly id: SandboxId;
  readonly port: number;
  readonly target: ProxyRequestTarget;
  readonly request: IncomingMessage;
  readonly requestId: string;
}

/** Where a proxied request goes. Waits for a sandbox that is still starting. */
export async function sandboxDestination(
  { lifecycle, ways }: DestinationDeps,
  { id, port, target, request, requestId }: SandboxRequest,
  signal: AbortSignal,
): Promise<Destination> {
  const { rawHeaders } = request;
  const peer = request.socket.remoteAddress;
  const address = await lifecycle.resolve(id, port, signal);
  const path = upstreamPath(address, target);
  return {
    name: `port ${port} of sandbox ${id}`,
    ...(await ways.to(address, signal)),
    path,
    headers: upstreamHeaders(rawHeaders, {
      dropped: NOT_FORWARDED,
      added: [
        ['X-Forwarded-Proto', 'http'],
        ['X-Forwarded-Host', headerIn(rawHeaders, 'host')],
        ['X-Forwarded-For', peer],
        ['X-Request-ID', requestId],
      ],
    }),
  };
}
