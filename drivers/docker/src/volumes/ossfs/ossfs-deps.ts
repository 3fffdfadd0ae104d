import type { DockerDeps } from '../../deps.ts';
import type { Connection } from '../../engine/connection.ts';
import { isLoopback } from '../../engine/connection.ts';
import { isContained } from '../../engine/engine-host.ts';
import type { OssfsDeps } from './ossfs.ts';

/** What the backend needs to know of this server and of the way to its engine. */
export function ossfsDeps({
  log,
  clock,
  engine,
  connection,
  storage,
  env,
}: Pick<DockerDeps, 'log' | 'clock' | 'storage' | 'env'> &
  Pick<OssfsDeps, 'engine'> & {
    readonly connection: Pick<Connection, 'protocol' | 'socketPath' | 'host'>;
  }): OssfsDeps {
  const isNear = connection.socketPath !== undefined || isLoopback(connection.host ?? '');
  return {
    log,
    clock,
    engine,
    mountRoot: storage?.ossfsMountRoot,
    searchPath: env.PATH,
    isEngineRemote: connection.protocol === 'ssh' || !isNear,
    isContained: isContained(),
    platform: process.platform,
  };
}
