import type { SandboxId, Volume, VolumeSource } from '@opensandbox/core/ports';
import type { Fault, UndoStack } from '@opensandbox/base';
import type { Labels } from '../labels.ts';

/** A volume whose data is of one kind. */
export type VolumeOf<K extends VolumeSource['kind']> = Volume & {
  readonly source: Extract<VolumeSource, { kind: K }>;
};

/** A file or directory, whatever path leads to it. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  /** What to say when it is not there, unless that a host path was exchanged. */
  readonly otherwise?: Fault;
}

/** What a volume becomes in the plan of its container. */
export interface PreparedVolume {
  /** Source of the bind: an absolute path of the engine's host, or the name of a Docker volume. */
  readonly source: string;
  /** Labels of the container by which another server, or the next start, knows what it holds. */
  readonly labels?: Labels;
  /** What must turn out to be mounted, when the path could be exchanged before the engine goes there. */
  readonly expected?: FileIdentity;
}

export interface Preparation {
  readonly sandboxId: SandboxId;
  /** Id of the sandbox's image, which the engine has by now. */
  readonly image: string;
  /** Takes back what was made, when the create fails. */
  readonly undo: UndoStack;
  /** Takes back what only the start needs, however the create ends. Runs before `undo`. */
  readonly transient: UndoStack;
}

/** What volumes of one kind need. All methods reject only with Fault. */
export interface VolumeBackend<K extends VolumeSource['kind']> {
  /** Refuses what cannot work, before anything is promised. Quick; makes nothing. */
  admit(volume: VolumeOf<K>, signal: AbortSignal): Promise<void>;
  /** Makes it ready to be mounted. Repeating for the same sandbox is safe. */
  prepare(volume: VolumeOf<K>, preparation: Preparation, signal: AbortSignal): Promise<PreparedVolume>;
  /** Gives back what a sandbox holds, after its containers are gone. Holding nothing is success. */
  release?(id: SandboxId, signal: AbortSignal): Promise<void>;
}
