import { Fault } from '@opensandbox/base';
import type { EndpointBody } from '@opensandbox/contract';
import type { PortAddress } from '@opensandbox/core';
import { soundHost } from '@opensandbox/http';

/** The direct address of a port: host, port and path, without a scheme. */
export function formatEndpoint(address: PortAddress, publicHost: string): EndpointBody {
  const host = address.reach.kind === 'direct' ? address.reach.host : publicHost;
  return { endpoint: `${bracketed(host)}:${address.port}${address.pathPrefix}` };
}

/** The address of a port through this server. */
export function formatProxyEndpoint(id: string, port: number, base: string): EndpointBody {
  return { endpoint: `${base}/sandboxes/${encodeURIComponent(id)}/proxy/${port}` };
}

export interface ProxyBaseInput {
  /** `server.public_url`. */
  readonly publicUrl: string | undefined;
  /** `server.eip`, taken as it is, with any port and path. */
  readonly eip: string | undefined;
  readonly hostHeader: string | undefined;
}

/** Where clients reach this server, without scheme and trailing slash: as configured, else as they asked for it. */
export function proxyBase(input: ProxyBaseInput): string {
  const configured = withoutScheme(input.publicUrl) ?? withoutScheme(input.eip);
  if (configured !== undefined) return configured;
  const host = soundHost(input.hostHeader);
  if (host !== undefined) return host;
  throw new Fault(
    'invalid',
    'parameter.invalid',
    'The Host header is missing or malformed, so no address through this server can be given.',
  );
}

function withoutScheme(url: string | undefined): string | undefined {
  const text = url
    ?.trim()
    .replace(/^https?:\/\//i, '')
    .replace(/\/+$/, '');
  return text === '' ? undefined : text;
}

/** An IPv6 address needs brackets before a port. */
function bracketed(host: string): string {
  return /^[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(host) ? `[${host}]` : host;
}
