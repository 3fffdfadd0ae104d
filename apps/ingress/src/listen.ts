import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Fault } from '@opensandbox/base';
import type { Listen } from './options.ts';

export type Listener = Pick<Server, 'listen' | 'once' | 'off' | 'address' | 'close' | 'closeAllConnections'>;

/** Rejects with `unavailable` (`gateway.bind_failed`) and a sentence that names the flags to change. */
export async function listen(server: Listener, { host, port }: Listen, flags: string): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const where = `${host ?? '*'}:${port}`;
      const why = error.code === 'EADDRINUSE' ? 'it is in use' : (error.code ?? 'unknown reason');
      reject(
        new Fault(
          'unavailable',
          'gateway.bind_failed',
          `The gateway cannot listen on ${where}: ${why}. Choose another with ${flags}.`,
          { cause: error },
        ),
      );
    };
    server.once('error', onError);
    server.listen(host === undefined ? { port } : { port, host }, () => {
      server.off('error', onError);
      resolve();
    });
  });
  const { address, port: bound } = server.address() as AddressInfo;
  return `http://${address.includes(':') ? `[${address}]` : address}:${bound}`;
}
