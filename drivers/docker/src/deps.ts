import type { Clock, Logger } from '@opensandbox/base';
import type { SecureRuntime } from './secure-runtime.ts';

/** The variables that decide how the engine and the registries are reached. */
export interface DockerEnvironment {
  readonly DOCKER_HOST?: string | undefined;
  readonly DOCKER_CONTEXT?: string | undefined;
  readonly DOCKER_TLS?: string | undefined;
  readonly DOCKER_TLS_VERIFY?: string | undefined;
  readonly DOCKER_CERT_PATH?: string | undefined;
  readonly DOCKER_API_VERSION?: string | undefined;
  readonly DOCKER_CONFIG?: string | undefined;
  readonly HOME?: string | undefined;
  /** Where the programs that mount OSS buckets are looked for. */
  readonly PATH?: string | undefined;
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

export interface StorageConfig {
  /** Directories of the host that requests may mount, themselves and what lies below them. */
  readonly allowedHostPaths: readonly string[];
  /** Directory under which OSS buckets are mounted, on the machine of this server. */
  readonly ossfsMountRoot: string;
}

/** One pull that has ended. */
export interface PullFacts {
  readonly outcome: 'pulled' | 'failed' | 'cancelled';
  readonly durationMs: number;
  /** What was downloaded, as the engine told it. */
  readonly bytes: number;
}

export interface DockerDeps {
  readonly log: Logger;
  readonly clock: Clock;
  readonly env: DockerEnvironment;
  readonly execd: ExecdDelivery;
  /** Host address that sandbox ports are published on, unless the section names another. */
  readonly publishAddress: string;
  /** What requests may mount; nothing of the host when absent. */
  readonly storage?: StorageConfig | undefined;
  /** The hardened runtime of every sandbox; absent: the engine's default one. */
  readonly secureRuntime?: SecureRuntime | undefined;
  /** Directory of the `<id>.json` metadata overrides that another server left; `undefined`: none are read. */
  readonly metadataDir?: string | undefined;
  /** Told of every pull that has ended, for metrics. */
  readonly pulled?: ((facts: PullFacts) => void) | undefined;
}
