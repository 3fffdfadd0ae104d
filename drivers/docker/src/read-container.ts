import type {
  ImageSource,
  Observation,
  ObservedPhase,
  Resources,
  SandboxClaim,
  SandboxSpec,
} from '@opensandbox/core/ports';
import { sandboxId } from '@opensandbox/core/ports';
import type { ContainerInspect, ContainerState } from './engine/answers.ts';
import { readAccessRenewSeconds, readDeadline, readLabel, readMetadata, readPlatform } from './labels.ts';
import type { Labels } from './labels.ts';
import { LABEL } from './names.ts';
import { millisOfShares } from './plan/limits.ts';
import { readReach } from './read-reach.ts';
import { readRfc3339 } from './rfc3339.ts';

export interface ReadOptions {
  /** When the reading began. */
  readonly readAt: number;
  /** Address of the engine's host as this server dials it. */
  readonly dialHost: string;
  /** Metadata that somebody changed after the container was made; it replaces the labels' altogether. */
  readonly metadata: Labels | undefined;
}

/** What an inspect says about a sandbox; `undefined` when the container is none. */
export function readContainer(inspect: ContainerInspect, options: ReadOptions): Observation | undefined {
  const labels = inspect.Config.Labels ?? {};
  const id = readLabel(labels, LABEL.id);
  if (id === undefined) return undefined;
  const { State: state } = inspect;
  const phase = readPhase(state);
  return {
    id: sandboxId(id),
    phase,
    engineState: state.Status ?? 'unknown',
    exitCode: phase === 'exited' ? (state.ExitCode ?? 0) : undefined,
    oomKilled: state.OOMKilled ?? false,
    error: state.Error === undefined || state.Error === '' ? undefined : state.Error,
    finishedAt: readRfc3339(state.FinishedAt ?? ''),
    reach: readReach(inspect, labels, options.dialHost),
    readAt: options.readAt,
    claim: readClaim(inspect, labels, options.metadata),
  };
}

/** A restarting container counts as running: the engine is bringing it back. */
function readPhase(state: ContainerState): ObservedPhase {
  if (state.Paused === true) return 'paused';
  if (state.Running === true || state.Restarting === true) return 'running';
  switch (state.Status) {
    case 'stopping': // Podman: told to end, and still at work
      return 'running';
    case 'created':
    case 'initialized': // Podman: made, and not yet let run
    case 'starting':
      return 'starting';
    case 'exited':
    case 'stopped': // Podman: ended, and not yet tidied up
    case 'dead':
      return 'exited';
    default:
      return 'unknown';
  }
}

function readClaim(inspect: ContainerInspect, labels: Labels, metadata: Labels | undefined): SandboxClaim {
  return {
    spec: readSpec(inspect, labels),
    metadata: metadata ?? readMetadata(labels),
    createdAt: readRfc3339(inspect.Created) ?? 0,
    expiresAt: readDeadline(labels).at,
  };
}

/** The environment is left out: it cannot be told apart from the image's, and may hold secrets. */
function readSpec(inspect: ContainerInspect, labels: Labels): SandboxSpec {
  const accessRenewSeconds = readAccessRenewSeconds(labels);
  return {
    source: readSource(inspect, labels),
    entrypoint: inspect.Config.Cmd ?? [],
    env: [],
    platform: readPlatform(labels),
    resources: readResources(inspect),
    volumes: [],
    resourceLimits: {},
    resourceRequests: {},
    extensions:
      accessRenewSeconds === undefined ? {} : { 'access.renew.extend.seconds': String(accessRenewSeconds) },
    accessRenewSeconds,
  };
}

function readSource(inspect: ContainerInspect, labels: Labels): ImageSource {
  const image = inspect.Config.Image ?? inspect.Image ?? '';
  const snapshotId = readLabel(labels, LABEL.snapshotId);
  if (snapshotId !== undefined) return { kind: 'snapshot', snapshotId, image };
  return { kind: 'image', uri: readLabel(labels, LABEL.image) ?? image, auth: undefined };
}

function readResources(inspect: ContainerInspect): Resources {
  const host = inspect.HostConfig;
  const positive = (value: number | undefined): number | undefined =>
    value === undefined || value <= 0 ? undefined : value;
  const nanoCpus = positive(host?.NanoCpus);
  const shares = positive(host?.CpuShares);
  const reservation = positive(host?.MemoryReservation);
  const size = host?.StorageOpt?.['size'] ?? '';
  const storage = /^\d+$/.test(size) ? positive(Number(size)) : undefined;
  const gpu = host?.DeviceRequests?.find((request) =>
    request.Capabilities?.some((all) => all.includes('gpu')),
  );
  return {
    cpuMillis: nanoCpus === undefined ? undefined : nanoCpus / 1_000_000,
    memoryBytes: positive(host?.Memory),
    gpus: gpu?.Count === -1 ? 'all' : positive(gpu?.Count),
    ...(storage === undefined ? {} : { storageBytes: storage }),
    ...(shares === undefined ? {} : { cpuRequestMillis: millisOfShares(shares) }),
    ...(reservation === undefined ? {} : { memoryRequestBytes: reservation }),
  };
}
