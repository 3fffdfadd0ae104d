/*
 * The parts of the engine's answers that the driver reads. Fields that some engine version leaves out are
 * optional; unknown ones are ignored.
 */

export interface EngineVersion {
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
  readonly Os?: string;
  readonly Arch?: string;
}

export interface EngineInfo {
  /** Address of the registry that references without a host mean; the Docker CLI files its login under it. */
  readonly IndexServerAddress?: string;
  /** The engine's clock, RFC 3339. */
  readonly SystemTime?: string;
  /** Product or distribution of its host. */
  readonly OperatingSystem?: string;
  readonly NCPU?: number;
  /** The OCI runtimes, by their name. */
  readonly Runtimes?: Readonly<Record<string, unknown>>;
  /** What keeps images and the file systems of containers, and what it says of itself. */
  readonly Driver?: string;
  readonly DriverStatus?: readonly (readonly [name: string, value: string])[] | null;
}

export interface ImageInspect {
  readonly Id: string;
  readonly Os?: string;
  readonly Architecture?: string;
  readonly Variant?: string;
  /** Id of the image that it was committed from, or nothing. */
  readonly Parent?: string;
  readonly Created?: string;
  readonly Config?: {
    readonly Env?: readonly string[] | null;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
  };
  readonly RootFS?: { readonly Layers?: readonly string[] | null };
}

export interface ImageSummary {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** The body of a commit. Written by the snapshots, read by nobody but the engine. */
export interface CommitConfig {
  readonly Env: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
}

export interface PortBinding {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

export interface ContainerState {
  readonly Status?: string;
  /** Of the main process, in the pid namespace of the engine; 0 without one. */
  readonly Pid?: number;
  readonly Running?: boolean;
  readonly Paused?: boolean;
  readonly Restarting?: boolean;
  readonly OOMKilled?: boolean;
  readonly ExitCode?: number;
  readonly Error?: string;
  readonly StartedAt?: string;
  readonly FinishedAt?: string;
  readonly Health?: HealthState | null;
}

export interface HealthState {
  readonly Status?: string;
  readonly Log?:
    readonly { readonly Start?: string; readonly ExitCode?: number; readonly Output?: string }[] | null;
}

export interface ContainerInspect {
  readonly Id: string;
  readonly Name?: string;
  readonly Created: string;
  readonly Image?: string;
  readonly State: ContainerState;
  readonly Config: {
    readonly Image?: string;
    readonly Cmd?: readonly string[] | null;
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly Env?: readonly string[] | null;
    readonly Tty?: boolean;
  };
  readonly HostConfig?: {
    readonly PidsLimit?: number | null;
    readonly LogConfig?: LogConfig;
    readonly NetworkMode?: string;
    readonly Memory?: number;
    readonly NanoCpus?: number;
    readonly CpuShares?: number;
    readonly MemoryReservation?: number;
    readonly StorageOpt?: Readonly<Record<string, string>> | null;
    readonly DeviceRequests?:
      | readonly { readonly Count?: number; readonly Capabilities?: readonly (readonly string[])[] | null }[]
      | null;
  };
  readonly NetworkSettings?: {
    readonly IPAddress?: string;
    readonly Ports?: Readonly<Record<string, readonly PortBinding[] | null>> | null;
    readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string } | null>> | null;
  };
}

/** Which of the engine's log drivers keeps the output, and how it was told to. */
export interface LogConfig {
  readonly Type?: string;
  readonly Config?: Readonly<Record<string, string>> | null;
}

export interface ProcessTable {
  readonly Titles?: readonly string[];
  readonly Processes?: readonly (readonly string[])[] | null;
}

export interface ContainerSummary {
  readonly Id: string;
  /** Epoch seconds. */
  readonly Created: number;
  readonly State?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly Ports?: readonly unknown[] | null;
}

export interface VolumeSummary {
  readonly Name: string;
  readonly CreatedAt?: string;
  readonly Driver?: string;
  /** Where its files are on the engine's host. */
  readonly Mountpoint?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  /** What its driver was told when it was made. */
  readonly Options?: Readonly<Record<string, string>> | null;
}

/** The body of a container create. Written by the plan, read by nobody but the engine. */
export interface ContainerDraft {
  readonly Image: string;
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly HostConfig: HostConfigDraft;
}

export interface HostConfigDraft {
  readonly NetworkMode?: string;
  readonly PortBindings?: Readonly<Record<string, readonly PortBinding[]>>;
  readonly Binds?: readonly string[];
  readonly Mounts?: readonly object[];
  readonly SecurityOpt?: readonly string[];
  readonly CapAdd?: readonly string[];
  readonly CapDrop?: readonly string[];
  readonly PidsLimit?: number;
  readonly Memory?: number;
  readonly NanoCpus?: number;
  readonly CpuShares?: number;
  readonly MemoryReservation?: number;
  readonly StorageOpt?: Readonly<Record<string, string>>;
  readonly Runtime?: string;
  readonly Devices?: readonly {
    readonly PathOnHost: string;
    readonly PathInContainer: string;
    readonly CgroupPermissions: string;
  }[];
  readonly DeviceRequests?: readonly {
    readonly Count: number;
    readonly Capabilities: readonly (readonly string[])[];
  }[];
}

export interface EngineMessage {
  readonly Type?: string;
  readonly Action?: string;
  /** Epoch nanoseconds; exact to the microsecond only. */
  readonly timeNano?: number;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> };
}

export interface PullMessage {
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
}
