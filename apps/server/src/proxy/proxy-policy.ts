import { Fault } from '@opensandbox/base';
import type { PortAddress } from '@opensandbox/core';
import { AGENT_PORT } from '../sandbox-ways.ts';

/** What the proxy refuses although it could reach it. */
export interface ProxyPolicy {
  /** Proxied requests and handshakes need the API key like all others. */
  readonly requireApiKey: boolean;
  /** Ports of sandboxes that are never reached. */
  readonly deniedPorts: ReadonlySet<number>;
  /** Ports that are not reached where sandboxes share the host's network: behind them are the host's own services. */
  readonly hostPorts: ReadonlySet<number>;
}

export const OPEN_POLICY: ProxyPolicy = {
  requireApiKey: false,
  deniedPorts: new Set(),
  hostPorts: new Set(),
};

/** Where Docker engines listen when they listen on TCP. */
const ENGINE_PORTS = [2375, 2376];

export interface PolicyInput {
  readonly requireApiKey: boolean;
  readonly deniedPorts: readonly number[];
  readonly serverPort: number;
  /** `DOCKER_HOST`, when it is set. */
  readonly dockerHost: string | undefined;
}

export function proxyPolicy(input: PolicyInput): ProxyPolicy {
  const enginePort = Number(/^tcp:\/\/.*:(\d+)\/?$/.exec(input.dockerHost?.trim() ?? '')?.[1]);
  const hostPorts = [input.serverPort, ...ENGINE_PORTS, ...(enginePort > 0 ? [enginePort] : [])];
  return {
    requireApiKey: input.requireApiKey,
    deniedPorts: new Set(input.deniedPorts),
    hostPorts: new Set(hostPorts),
  };
}

/** What is asked: the port that the request names, and the path behind it as it was sent. */
export interface Asked {
  readonly port: number;
  readonly rest: string;
}

/** Throws `forbidden` when the policy keeps this port from visitors. */
export function checkPolicy(policy: ProxyPolicy, { reach }: PortAddress, { port, rest }: Asked): void {
  const isHost = reach.kind === 'host';
  if (policy.deniedPorts.size === 0 && !isHost) return;
  const ports = port === AGENT_PORT ? [port, ...portsBehindAgent(rest)] : [port];
  for (const asked of ports) {
    if (policy.deniedPorts.has(asked) || (isHost && policy.hostPorts.has(asked))) {
      throw denied(`The proxy does not lead to port ${asked}.`);
    }
  }
}

/** The agent forwards as well, and its forwarding may name itself again. */
function portsBehindAgent(rest: string): readonly number[] {
  // The agent's runtime reads paths as URLs are read: a backslash is a slash to it.
  const path = decoded(rest).replaceAll('\\', '/');
  return [...path.matchAll(/(?:^|\/)proxy\/+(\d+)(?=\/|$)/g)].map(([, port]) => Number(port));
}

function decoded(rest: string): string {
  return rest.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Metadata services of clouds that do not have a link-local address. */
const METADATA_HOSTS: ReadonlySet<string> = new Set(['100.100.100.200', '168.63.129.16', 'fd00:ec2::254']);

/** No sandbox lives on a link-local address; services that hand out credentials do. */
export function checkHost(host: string): void {
  if (host.startsWith('169.254.') || /^(?:::ffff:169\.254\.|fe[89ab][0-9a-f]:)/i.test(host)) refuseHost();
  if (METADATA_HOSTS.has(host.toLowerCase())) refuseHost();
}

function refuseHost(): never {
  throw denied('The proxy does not lead to this address.');
}

function denied(message: string): Fault {
  return new Fault('forbidden', 'proxy.denied', message);
}
