import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';

/** True inside a Docker container. */
export function isInContainer(): boolean {
  return existsSync('/.dockerenv');
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

export async function ownNameAddress(): Promise<string | undefined> {
  try {
    return (await lookup(hostname(), { family: 4 })).address;
  } catch {
    return undefined; // a machine whose own name does not resolve is usual
  }
}
