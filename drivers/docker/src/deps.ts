import type { Clock, Logger } from '@opensandbox/base';

/** The variables that decide how the engine and the registries are reached. */
export interface DockerEnvironment {
  readonly DOCKER_HOST?: string | undefined;
  readonly DOCKER_TLS_VERIFY?: string | undefined;
  readonly DOCKER_CERT_PATH?: string | undefined;
  readonly DOCKER_CONFIG?: string | undefined;
  readonly HOME?: string | undefined;
}

/** Where the agent that runs in every sandbox comes from. */
export interface ExecdDelivery {
  /** `builtin`, or an image that holds `/execd` and `/bootstrap.sh`. */
  readonly image: string;
  /** The built-in agent as it shall appear under `/opt/opensandbox`. Read only when `image` is `builtin`. */
  readonly rootfsDir: string;
  /** Version of the built-in agent, for the label of its volume. */
  readonly version: string;
}

export interface DockerDeps {
  readonly log: Logger;
  readonly clock: Clock;
  readonly env: DockerEnvironment;
  readonly execd: ExecdDelivery;
  /** Host address that sandbox ports are published on, unless the section names another. */
  readonly publishAddress: string;
  /** Directory of the `<id>.json` metadata overrides that another server left; `undefined`: none are read. */
  readonly metadataDir?: string | undefined;
}
