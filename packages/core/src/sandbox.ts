import type { FaultKind, Secret } from '@opensandbox/base';

declare const sandboxIdBrand: unique symbol;
/** A version 4 UUID with hyphens when made here; any label value when adopted. Opaque to clients. */
export type SandboxId = string & { readonly [sandboxIdBrand]: true };

export function sandboxId(text: string): SandboxId {
  return text as SandboxId;
}

export interface Platform {
  readonly os: 'linux' | 'windows';
  readonly arch: 'amd64' | 'arm64';
}

export interface RegistryAuth {
  readonly username: string;
  readonly password: Secret;
}

export type ImageSource =
  | { readonly kind: 'image'; readonly uri: string; readonly auth: RegistryAuth | undefined }
  /** `image` is the engine's reference that the snapshot restores from. */
  | { readonly kind: 'snapshot'; readonly snapshotId: string; readonly image: string };

/** Where the data of a volume is. */
export type VolumeSource =
  /** A path of the host that the engine runs on. */
  | { readonly kind: 'host'; readonly path: string }
  /** A named volume of the platform: a Docker volume, a PersistentVolumeClaim. */
  | {
      readonly kind: 'claim';
      readonly claimName: string;
      readonly createIfMissing: boolean;
      /** Remove it with the sandbox, if the sandbox's own request made it. */
      readonly deleteWithSandbox: boolean;
      /** How a claim is made, for platforms that have a say in it. */
      readonly storageClass: string | undefined;
      readonly storage: string | undefined;
      readonly accessModes: readonly string[] | undefined;
    }
  /** A bucket of Alibaba Cloud OSS. */
  | {
      readonly kind: 'ossfs';
      readonly bucket: string;
      readonly endpoint: string;
      readonly version: '1.0' | '2.0';
      readonly options: readonly string[];
      /** Needed, and kept, only until it is mounted. */
      readonly credentials: OssCredentials | undefined;
    };

export interface OssCredentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: Secret;
}

export interface Volume {
  /** Unique in the sandbox. */
  readonly name: string;
  /** Absolute path in the sandbox. */
  readonly mountPath: string;
  readonly readOnly: boolean;
  /** Relative, without `..`; `undefined` means the whole. */
  readonly subPath: string | undefined;
  readonly source: VolumeSource;
}

/** Parsed limits. `undefined` means the client set no limit of that kind. */
export interface Resources {
  readonly cpuMillis: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly gpus: number | 'all' | undefined;
  /** Most bytes that the sandbox may write into its own file system. */
  readonly storageBytes?: number | undefined;
  /** What is kept for the sandbox when the machine is busy. Never above the limit of the same kind. */
  readonly cpuRequestMillis?: number | undefined;
  readonly memoryRequestBytes?: number | undefined;
}

/** What was asked for, validated and in domain terms. Immutable for the life of a sandbox. */
export interface SandboxSpec {
  readonly source: ImageSource;
  /** The words of the command, as the driver that admitted it will run them. */
  readonly entrypoint: readonly string[];
  /** In request order; entries whose value was null are gone. */
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly platform: Platform | undefined;
  readonly resources: Resources;
  /** In request order. */
  readonly volumes: readonly Volume[];
  /** The request's own maps, for drivers that pass them through. */
  readonly resourceLimits: Readonly<Record<string, string>>;
  readonly resourceRequests: Readonly<Record<string, string>>;
  readonly extensions: Readonly<Record<string, string>>;
  /** Seconds that an access prolongs the sandbox by; from `extensions["access.renew.extend.seconds"]`. */
  readonly accessRenewSeconds: number | undefined;
}

export type Intent = 'run' | 'pause' | 'destroy';

/** How far the background work of a create has come. */
export type Provisioning =
  | { readonly phase: 'pending' }
  | { readonly phase: 'ready'; readonly at: number }
  | {
      readonly phase: 'failed';
      readonly at: number;
      /** The Fault that ended it, so that every later caller gets the same typed error. */
      readonly kind: FaultKind;
      readonly code: string;
      readonly message: string;
    };

/** The engine's lists lack a sandbox that should be there. */
export interface Loss {
  /** When the first such list began, epoch ms. */
  readonly since: number;
  /** The first of an unbroken row of such lists that showed sandboxes from before the loss; see `loss.ts`. */
  readonly provenSince: number | undefined;
}

/** A moment finer than a millisecond: epoch ms, and 0–999 microseconds beyond them. */
export interface Moment {
  readonly ms: number;
  readonly micros: number;
}

/** Intent: what was asked for. Durable; written only by the lifecycle verbs, and by the repair. */
export interface SandboxRecord {
  readonly id: SandboxId;
  readonly spec: SandboxSpec;
  readonly intent: Intent;
  readonly metadata: Readonly<Record<string, string>>;
  /** Epoch ms. ISO text exists only on the wire. */
  readonly createdAt: number;
  /** Epoch ms; `undefined` means manual cleanup. */
  readonly expiresAt: number | undefined;
  /** 0–999 microseconds beyond `expiresAt`, kept so that a client reads the moment it asked for. Absent is none. */
  readonly expiresAtMicros?: number | undefined;
  readonly provisioning: Provisioning;
  /** Kept with the intent so that a restart does not take an absence for a new one. Absent while nothing is lost. */
  readonly lost?: Loss | undefined;
  /**
   * Removed while the engine did not have it, epoch ms. Hidden from clients; kept so that a container that shows
   * after all is removed and not adopted.
   */
  readonly buriedAt?: number | undefined;
  /** Grows by one with every change. */
  readonly revision: number;
}

/**
 * Where a sandbox can be reached, as the engine said. Internal addresses: which host name a client is told
 * is the server's business.
 */
export type Reach =
  | { readonly kind: 'none' }
  /** Shares the network of the engine's host: any port is that port of the host. */
  | { readonly kind: 'host'; readonly host: string }
  /** Has an address of its own that is routable from this server (a pod). */
  | { readonly kind: 'direct'; readonly host: string }
  /** Chosen container ports are published on the engine's host; the rest go through the agent's proxy. */
  | {
      readonly kind: 'mapped';
      readonly host: string;
      /** container port → host port */
      readonly ports: Readonly<Record<number, number>>;
      /** The container's own address, when it has one. */
      readonly privateHost: string | undefined;
    };

export type ObservedPhase = 'starting' | 'running' | 'paused' | 'exited' | 'unknown';

/** A reading of the engine, stamped with the moment it began. */
export interface Observation {
  readonly id: SandboxId;
  readonly phase: ObservedPhase;
  /** The engine's own word for the state, for `unknown` and for logs. */
  readonly engineState: string;
  readonly exitCode: number | undefined;
  readonly oomKilled: boolean;
  /** The engine's own error text for this sandbox, when it has one. */
  readonly error: string | undefined;
  /** Epoch ms of the last end of the main process. */
  readonly finishedAt: number | undefined;
  readonly reach: Reach;
  readonly readAt: number;
  /** What the engine's object says it was created for; lets a server adopt what another server made. */
  readonly claim: SandboxClaim | undefined;
}

/** A record as far as it can be rebuilt from labels and inspect data. */
export interface SandboxClaim {
  readonly spec: SandboxSpec;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: number;
  /** `undefined`: manual cleanup, or no readable deadline. A claim never expires by being unreadable. */
  readonly expiresAt: number | undefined;
}

export type SandboxState =
  | 'Pending'
  | 'Running'
  | 'Pausing'
  | 'Paused'
  | 'Resuming'
  | 'Stopping'
  | 'Terminated'
  | 'Failed'
  | 'Unknown';

export interface SandboxStatus {
  readonly state: SandboxState;
  readonly reason: string;
  readonly message: string;
  /** Epoch ms. */
  readonly transitionAt: number;
}

/** Progress of a provisioning, told in the Pending status message. */
export interface Progress {
  readonly step: 'image' | 'create' | 'start' | 'agent';
  readonly message: string;
}

/** Intent and observation together: what the verbs return. */
export interface Sandbox {
  readonly record: SandboxRecord;
  readonly status: SandboxStatus;
  readonly reach: Reach;
}
