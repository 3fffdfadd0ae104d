import { isIPv4 } from 'node:net';

export interface DefaultRoute {
  readonly gateway: string;
  /** Name of the interface. */
  readonly link: string;
}

/** The default route in the text of `/proc/net/route`. */
export function readDefaultRoute(table: string): DefaultRoute | undefined {
  for (const line of table.split('\n').slice(1)) {
    const [link = '', destination, address = '', , , , , mask] = line.split('\t');
    const isDefault = destination === '00000000' && mask === '00000000' && address !== '00000000';
    const gateway = isDefault ? readLittleEndian(address) : undefined;
    if (gateway !== undefined) return { gateway, link };
  }
  return undefined;
}

function readLittleEndian(hex: string): string | undefined {
  const bytes = hex.match(/../g);
  if (bytes?.length !== 4) return undefined;
  return bytes
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
}

/** Bridges that engines make on their own hosts. */
const ENGINE_BRIDGES = /^\s*(docker0|podman0|cni-podman0|docker_gwbridge):/m;

/** Whether the text of `/proc/net/dev` is that of a network with an engine's bridge in it. */
export function hasEngineBridge(table: string): boolean {
  return ENGINE_BRIDGES.test(table);
}

/** Whether an IPv4 address lies in the network of an interface, written as `172.17.0.2/16`. */
export function isInNetwork(address: string, cidr: string): boolean {
  const [base = '', bits = ''] = cidr.split('/');
  if (!isIPv4(address) || !isIPv4(base) || !/^\d{1,2}$/.test(bits)) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(numberOf(address) / size) === Math.floor(numberOf(base) / size);
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
