import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { existsSync, readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { hasEngineBridge, isInNetwork, readDefaultRoute } from './network-tables.ts';

/** True inside a container of Docker or Podman. */
export function isInContainer(): boolean {
  return existsSync('/.dockerenv') || existsSync('/run/.containerenv');
}

/** The local address of the default route. Connecting a UDP socket sends nothing; it only asks the routing table. */
export function outboundAddress(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const finish = (address: string | undefined): void => {
      socket.close();
      resolve(address === '0.0.0.0' ? undefined : address);
    };
    socket.once('error', () => finish(undefined));
    socket.connect(53, '8.8.8.8', () => finish(socket.address().address));
  });
}

export function ownNameAddress(): Promise<string | undefined> {
  return addressOf(hostname());
}

/** IPv4 address of a name; a machine whose own name does not resolve is usual. */
export async function addressOf(name: string): Promise<string | undefined> {
  return lookup(name, { family: 4 }).then(
    ({ address }) => address,
    () => undefined,
  );
}

/** Gateway of the default route. */
export function defaultGateway(): string | undefined {
  return readDefaultRoute(textOf('/proc/net/route'))?.gateway;
}

/**
 * Whether this process, in a container, has the network of its host: the engine's bridge is in it, or the way out is no
 * link to another network of the same machine. Some virtual machines look like containers, too.
 */
export function sharesHostNetwork(): boolean {
  if (hasEngineBridge(textOf('/proc/net/dev'))) return true;
  const route = readDefaultRoute(textOf('/proc/net/route'));
  if (route === undefined) return false;
  const [own, other] = ['ifindex', 'iflink'].map((name) =>
    textOf(`/sys/class/net/${route.link}/${name}`).trim(),
  );
  return own !== '' && own === other;
}

/** Whether an address lies in a network that this machine or container has a foot in. */
export function isNeighbour(host: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return own.some(({ internal, cidr }) => !internal && cidr !== null && isInNetwork(host, cidr));
}

/** Empty where there is no such table: not on Linux. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
