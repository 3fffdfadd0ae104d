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
}

export interface ImageInspect {
  readonly Id: string;
  readonly Os?: string;
  readonly Architecture?: string;
}

export interface PortBinding {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

export interface ContainerState {
  readonly Status?: string;
  readonly Running?: boolean;
  readonly Paused?: boolean;
  readonly Restarting?: boolean;
  readonly OOMKilled?: boolean;
  readonly ExitCode?: number;
  readonly Error?: string;
  readonly FinishedAt?: string;
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
  };
  readonly HostConfig?: {
    readonly NetworkMode?: string;
    readonly Memory?: number;
    readonly NanoCpus?: number;
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
  readonly SecurityOpt?: readonly string[];
  readonly CapAdd?: readonly string[];
  readonly CapDrop?: readonly string[];
  readonly PidsLimit?: number;
  readonly Memory?: number;
  readonly NanoCpus?: number;
  readonly DeviceRequests?: readonly {
    readonly Count: number;
    readonly Capabilities: readonly (readonly string[])[];
  }[];
}

export interface EngineMessage {
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Readonly<Record<string, string>> };
}

export interface PullMessage {
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
}
