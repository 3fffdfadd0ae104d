import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** Stands between a client and a server, and spoils connections as networks do. */
export interface TcpBetween extends AsyncDisposable {
  readonly port: number;
  /** Connections that are open stay so, and nothing passes through them any more. New ones work. */
  swallow(): void;
  /** Breaks what is open, and refuses what comes, until `admit`. */
  refuse(): void;
  admit(): void;
  /** How many connections were made so far. */
  readonly connections: number;
}

export async function openTcpBetween(target: number): Promise<TcpBetween> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let isRefusing = false;
  let connections = 0;
  const server = createServer((near) => {
    near.on('error', () => undefined);
    if (isRefusing) {
      near.resetAndDestroy();
      return;
    }
    connections += 1;
    const far = connect(target, '127.0.0.1');
    far.on('error', () => near.destroy());
    const pair = [near, far] as const;
    pairs.add(pair);
    near.pipe(far).pipe(near);
    near.once('close', () => {
      far.destroy();
      pairs.delete(pair);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const breakAll = (): void => pairs.forEach(([near]) => near.destroy());
  return {
    port: (server.address() as AddressInfo).port,
    swallow() {
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
        near.pause();
        far.pause();
      }
    },
    refuse() {
      isRefusing = true;
      breakAll();
    },
    admit() {
      isRefusing = false;
    },
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
