import type { FaultCode, SandboxId, SandboxRecord, Volume } from '@opensandbox/core/ports';
import type { Logger } from '@opensandbox/base';
import { Fault, UndoStack } from '@opensandbox/base';
import type { Labels } from '../labels.ts';
import { readTextList } from '../labels.ts';
import type { FileIdentity, Preparation, PreparedVolume, VolumeBackend, VolumeOf } from './backend.ts';
import type { ClaimVolumes, RemovableVolume } from './claim.ts';
import { joinNames, splitPath } from './host-path.ts';

export interface VolumeBackends {
  readonly host: VolumeBackend<'host'>;
  readonly claim: VolumeBackend<'claim'> & Pick<ClaimVolumes, 'remove'>;
  readonly ossfs: VolumeBackend<'ossfs'>;
}

/** What the plan takes. */
export interface Mounts {
  /** `source:path:ro|rw`, in the request's order. */
  readonly binds: readonly string[];
  readonly labels: Labels;
}

/** For whom volumes are prepared. */
export interface Tenant {
  readonly record: SandboxRecord;
  /** Id of the image that it starts from. */
  readonly image: string;
}

/** Disposing gives back what only the start needed and, unless `keep` was called, everything else. */
export interface PreparedMounts extends Mounts, AsyncDisposable {
  /** What the started container must have mounted. */
  readonly expected: readonly FileIdentity[];
  keep(): void;
}

/** The volumes of sandboxes, whatever holds their data. */
export interface Volumes {
  admit(volumes: readonly Volume[], signal: AbortSignal): Promise<void>;
  prepare(tenant: Tenant, signal: AbortSignal): Promise<PreparedMounts>;
  /** Removes named volumes that belong to a sandbox. After its containers are gone. */
  remove(volumes: readonly RemovableVolume[], signal: AbortSignal): Promise<void>;
  /** After the containers of a sandbox are gone. */
  release(id: SandboxId, signal: AbortSignal): Promise<void>;
}

export function createVolumes(backends: VolumeBackends, log: Logger): Volumes {
  return {
    async admit(volumes, signal) {
      checkMountPaths(volumes);
      for (const volume of volumes) await admitOne(backends, volume, signal);
    },
    prepare: (tenant, signal) => prepare(backends, { ...tenant, log }, signal),
    remove: (volumes, signal) => backends.claim.remove(volumes, signal),
    async release(id, signal) {
      await backends.host.release?.(id, signal);
      await backends.claim.release?.(id, signal);
      await backends.ossfs.release?.(id, signal);
    },
  };
}

async function prepare(
  backends: VolumeBackends,
  { record, image, log }: Tenant & { readonly log: Logger },
  signal: AbortSignal,
): Promise<PreparedMounts> {
  const report = (step: string, error: unknown): void =>
    log.error('volume.undo_failed', { sandboxId: record.id, step, error });
  const undo = new UndoStack(report);
  const transient = new UndoStack(report);
  const dispose = async (): Promise<void> => {
    await transient[Symbol.asyncDispose]();
    await undo[Symbol.asyncDispose]();
  };
  const binds: string[] = [];
  const expected: FileIdentity[] = [];
  let labels: Labels = {};
  try {
    for (const volume of record.spec.volumes) {
      const task = { volume, sandboxId: record.id, image, undo, transient };
      const made = await prepareOne(backends, task, signal);
      binds.push(`${made.source}:${volume.mountPath}:${volume.readOnly ? 'ro' : 'rw'}`);
      labels = mergeLabels(labels, made.labels ?? {});
      if (made.expected !== undefined) expected.push(made.expected);
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  return { binds, labels, expected, keep: () => undo.keep(), [Symbol.asyncDispose]: dispose };
}

/** Lists that several volumes write become one list, where what several name stands once. */
export function mergeLabels(labels: Labels, more: Labels): Labels {
  const merged: Record<string, string> = { ...labels };
  for (const [key, text] of Object.entries(more)) {
    const before = readTextList(labels[key]);
    merged[key] =
      before.length === 0 ? text : JSON.stringify([...new Set([...before, ...readTextList(text)])]);
  }
  return merged;
}

function admitOne(backends: VolumeBackends, volume: Volume, signal: AbortSignal): Promise<void> {
  if (isOf(volume, 'host')) return backends.host.admit(volume, signal);
  if (isOf(volume, 'claim')) return backends.claim.admit(volume, signal);
  if (isOf(volume, 'ossfs')) return backends.ossfs.admit(volume, signal);
  return Promise.resolve();
}

function prepareOne(
  backends: VolumeBackends,
  task: Preparation & { readonly volume: Volume },
  signal: AbortSignal,
): Promise<PreparedVolume> {
  const { volume } = task;
  if (isOf(volume, 'host')) return backends.host.prepare(volume, task, signal);
  if (isOf(volume, 'claim')) return backends.claim.prepare(volume, task, signal);
  if (isOf(volume, 'ossfs')) return backends.ossfs.prepare(volume, task, signal);
  return Promise.reject(new Fault('internal', 'internal.unexpected' satisfies FaultCode, 'no such volume'));
}

function isOf<K extends Volume['source']['kind']>(volume: Volume, kind: K): volume is VolumeOf<K> {
  return volume.source.kind === kind;
}

/** The engine would only notice when it makes the container, and with words of its own. */
function checkMountPaths(volumes: readonly Volume[]): void {
  const taken = new Set<string>();
  for (const { name, mountPath } of volumes) {
    const path = joinNames(splitPath(mountPath)); // as the engine will read it
    const refuse = (why: string): Fault =>
      new Fault(
        'invalid',
        'volume.mount_path' satisfies FaultCode,
        `Mount path '${mountPath}' of volume '${name}' ${why}`,
      );
    if (/[:\u0000-\u001f\u007f]/.test(mountPath)) {
      throw refuse('must not contain a colon or a control character.');
    }
    if (path.split('/').includes('..')) throw refuse("must not contain '..'.");
    if (path === '/') throw refuse('must not be the root of the sandbox.');
    if (path === '/opt/opensandbox' || path.startsWith('/opt/opensandbox/')) {
      throw refuse('belongs to the agent. Mount the volume somewhere else.');
    }
    if (taken.has(path)) throw refuse('is used twice. Each volume needs a mount path of its own.');
    taken.add(path);
  }
}
