import type { Reach } from '@opensandbox/core';
import type { EngineHost } from '../engine-host.ts';

/** Where this server and its engine are, and how they would reach sandboxes. */
export interface Place {
  readonly isContained: boolean;
  /** Host of an engine on another machine. */
  readonly farHost: string | undefined;
  /** The engine's host as seen from this container, and how that was found out. */
  readonly engineHost: EngineHost | undefined;
  readonly sharesHostNetwork: boolean;
  /** The host address that sandbox ports are published on. */
  readonly publishAddress: string;
  /** Where this server dials what is published on every address. */
  readonly dialHost: string;
  /** What clients are told. */
  readonly publicHost: string;
  /** `server.eip` is set: `publicHost` is its text. */
  readonly isPublicHostSet: boolean;
  readonly isNeighbour: (host: string) => boolean;
  /** Where the engine's inspect says that a container is. */
  readonly readReach: (inspect: unknown) => Reach;
}
