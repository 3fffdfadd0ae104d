import { connect } from 'node:net';
import type { Clock } from '@opensandbox/base';
import { sleep } from '@opensandbox/base';

const CONNECT_MS = 1000;

/** Looks again and again, without a word, until something listens there. */
export async function awaitListener(
  { url }: { readonly url: string },
  { clock, intervalMs }: { readonly clock: Clock; readonly intervalMs: number },
  signal: AbortSignal,
): Promise<void> {
  const { hostname, port } = new URL(url);
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
  while (!(await listens(address, clock))) await sleep(clock, intervalMs, signal);
}

function listens(address: { readonly host: string; readonly port: number }, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    const late = clock.at(clock.now() + CONNECT_MS, () => end(false));
    const end = (answer: boolean): void => {
      late[Symbol.dispose]();
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}
