import { isIPv4, isIPv6 } from 'node:net';

/** What decides the host that clients are told; each probe is asked only when those before it said nothing. */
export interface PublicHostInput {
  readonly eip: string | undefined;
  readonly listenHost: string;
  /** Host of an engine on another machine: sandbox ports are published there, wherever the server listens. */
  readonly farHost: string | undefined;
  /** How the engine's host is reached from inside a container; `undefined` outside of one. */
  readonly engineHost: string | undefined;
  /** Address this machine would use to talk to the outside. */
  readonly outboundAddress: () => Promise<string | undefined>;
  /** First address that this machine's own name resolves to. */
  readonly ownNameAddress: () => Promise<string | undefined>;
}

/** The host in direct endpoints, `host:port` to come. */
export async function resolvePublicHost(input: PublicHostInput): Promise<string> {
  if (input.eip !== undefined) return input.eip;
  if (input.farHost !== undefined) return bracketed(input.farHost);
  if (!isWildcard(input.listenHost)) return bracketed(input.listenHost);
  if (input.engineHost !== undefined) return bracketed(input.engineHost);
  const found = (await input.outboundAddress()) ?? (await input.ownNameAddress());
  return found === undefined ? '127.0.0.1' : bracketed(found);
}

/**
 * The host address that sandbox ports are published on: loopback when the server itself can only be reached
 * from this machine, every address otherwise.
 */
export function publishAddress(listenHost: string, override: string | undefined): string {
  if (override !== undefined) return override;
  return isLoopback(listenHost) ? '127.0.0.1' : '0.0.0.0';
}

export function isLoopback(host: string): boolean {
  const plain = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (isIPv4(plain)) return plain.startsWith('127.');
  return plain === 'localhost' || plain === '::1' || plain === '0:0:0:0:0:0:0:1';
}

export function isWildcard(host: string): boolean {
  return host === '' || host === '0.0.0.0' || host === '::' || host === '[::]';
}

/** An IPv6 address needs brackets before a port can follow. */
function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
