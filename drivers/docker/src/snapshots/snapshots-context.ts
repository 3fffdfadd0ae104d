import type { Clock, KeyedLock, Logger } from '@opensandbox/base';
import type { Engine } from '../engine/engine.ts';
import type { LookupContext } from '../lookup.ts';

export interface SnapshotsContext extends LookupContext {
  readonly engine: Pick<
    Engine,
    | 'commit'
    | 'containerSize'
    | 'inspectContainer'
    | 'inspectImage'
    | 'listContainers'
    | 'listImages'
    | 'loadImages'
    | 'removeImage'
  >;
  readonly clock: Clock;
  readonly log: Logger;
  /** Longest time of one capture. */
  readonly apiTimeoutMs: number;
  /** One commit of a container at a time, also after its caller has left: the first that ends thaws the container. */
  readonly commits: KeyedLock<string>;
}
