import type { Clock, Logger, Scope } from '@opensandbox/base';
import type { DockerEnvironment, StorageConfig } from '../deps.ts';
import type { Connection } from '../engine/connection.ts';
import type { Engine } from '../engine/engine.ts';
import { createClaimVolumes } from './claim.ts';
import { createHostVolumes } from './host.ts';
import { whyNoHostPaths } from './host-reach.ts';
import { createPins } from './pins.ts';
import { openOssfs } from './ossfs/ossfs.ts';
import { ossfsDeps } from './ossfs/ossfs-deps.ts';
import type { Volumes } from './volumes.ts';
import { createVolumes } from './volumes.ts';

export interface VolumeDeps {
  readonly engine: Engine;
  readonly connection: Connection;
  readonly instance: string | undefined;
  readonly storage: StorageConfig | undefined;
  readonly env: DockerEnvironment;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Emptied at every start of the machine, and writable for root alone. */
const PIN_ROOT = '/run/opensandbox/pins';

export function openVolumes(deps: VolumeDeps, scope: Scope): Volumes {
  const { engine, log } = deps;
  const pins = scope.own(createPins({ engine, log, root: PIN_ROOT, life: scope.signal }));
  const obstacle = whyNoHostPaths(deps.connection, process.platform);
  const claim = createClaimVolumes({ ...deps, pins, obstacle });
  scope.run('volume sweep', async (signal) => {
    const report = (error: unknown): void => log.warn('volume.sweep_failed', { error });
    await pins.clearLeftovers().catch(report);
    await claim.sweep(signal).catch(report);
  });
  const prefixes = deps.storage?.allowedHostPaths ?? [];
  return createVolumes(
    {
      host: createHostVolumes({ prefixes, obstacle, pins }),
      claim,
      ossfs: openOssfs(ossfsDeps(deps), scope),
    },
    log,
  );
}
