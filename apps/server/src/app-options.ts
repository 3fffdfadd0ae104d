import type { Clock, Logger, Secret } from '@opensandbox/base';
import type { Lifecycle } from '@opensandbox/core';
import type { ProxyPolicy } from './proxy/proxy-policy.ts';
import type { SandboxWays } from './sandbox-ways.ts';
import type { HttpTelemetry } from './telemetry/server-telemetry.ts';
import type { CreatePolicy } from './wire/index.ts';

/** The part of the configuration that the HTTP layer reads. */
export interface AppOptions {
  readonly createPolicy: CreatePolicy;
  /** `undefined` turns authentication off. */
  readonly apiKey: Secret | undefined;
  /** What the proxy refuses; nothing when absent. */
  readonly proxy?: ProxyPolicy | undefined;
  /** Who may read `/metrics`; there is none when absent. */
  readonly metrics?: { readonly isPublic: boolean } | undefined;
  /** `server.eip`: stands for the whole authority of minted server-proxy endpoints. */
  readonly eip: string | undefined;
  /** `server.public_url`: base of minted server-proxy endpoints; wins over `eip` there. */
  readonly publicUrl: string | undefined;
  /** The host that clients are told to reach published ports at. */
  readonly publicHost: () => string;
  /** Connections or running requests at which further ones get 503; 0 means no limit. */
  readonly limitConcurrency: number;
  readonly keepAliveTimeoutSeconds: number;
  /** How long `close()` waits for running requests before it cuts them off. */
  readonly closeDeadlineMs: number;
}

export interface AppDeps {
  readonly lifecycle: Lifecycle;
  /** Where the proxy dials sandboxes. */
  readonly ways: SandboxWays;
  /** The driver's name: selects the public error codes. */
  readonly runtimeName: string;
  readonly options: AppOptions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly newUuid: () => string;
  /** Absent: nothing is measured. */
  readonly telemetry?: HttpTelemetry | undefined;
}
