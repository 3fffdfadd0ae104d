import { createServer } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'smol-toml';

/** A port of the loopback address that was free a moment ago. */
export function freeLoopbackPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** A server of its own: loopback only, its own sandboxes only, everything in one directory. */
export function quickstartConfig(options: {
  readonly port: number;
  readonly instance: string;
  readonly dir: string;
}): string {
  return stringify({
    server: { host: '127.0.0.1', port: options.port },
    log: {
      file_enabled: true,
      file_path: join(options.dir, 'server.log'),
      access_file_path: join(options.dir, 'access.log'),
    },
    runtime: { type: 'docker' },
    docker: { network_mode: 'bridge', instance: options.instance },
    store: { path: join(options.dir, 'opensandbox.db') },
  });
}
