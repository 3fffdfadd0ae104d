import type { Clock, KeyedLock, Logger } from '@opensandbox/base';
import type { Engine } from '../engine/engine.ts';
import type { ClaimUsers } from './claim-users.ts';
import type { Pins } from './pins.ts';

export interface ClaimDeps {
  readonly engine: Pick<
    Engine,
    'inspectVolume' | 'createVolume' | 'listVolumes' | 'removeVolume' | 'listContainers'
  >;
  readonly instance: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pins: Pick<Pins, 'source'>;
  /** Why this server cannot reach into the volumes of the engine; `undefined` when it can try. */
  readonly obstacle: string | undefined;
}

export interface ClaimContext extends ClaimDeps {
  readonly users: ClaimUsers;
  readonly locks: KeyedLock<string>;
}
