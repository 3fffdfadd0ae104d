import type { SandboxId } from '../sandbox.ts';

/** One capture: which sandbox, under which id. */
export interface CaptureWish {
  readonly snapshotId: string;
  readonly sandboxId: SandboxId;
}

/** What is known of a capture that is under way. */
export interface CaptureProgress {
  /** What is being done, without a full stop: `Committing the file system`. */
  readonly message: string;
  /** How much there is to keep, when that is known. */
  readonly bytes: number | undefined;
}

/** What a capture made. */
export interface Captured {
  /** The engine's reference to restore from. */
  readonly image: string;
  /** One sentence for people, in the engine's words. */
  readonly message: string;
}

/**
 * Keeps the file system of sandboxes beyond their life, for new sandboxes to start from.
 *
 * What is kept holds the files, and nothing else of the sandbox: no environment, no metadata, no deadlines, no
 * credentials. It belongs to the snapshot's id alone: the sandbox may go, and be captured again.
 */
export interface SnapshotFacet {
  /**
   * Captures a sandbox that runs or is paused, and resolves with what a sandbox can be restored from. The sandbox stands still
   * meanwhile, may show as paused, and afterwards is what it was before. Rejects with `not_found`
   * (`sandbox.not_found`), `conflict` (`snapshot.source_state`), `timeout`, `internal` (`snapshot.failed`). Repeating
   * replaces. What an engine finishes after a rejection is found by `recover` and removed by `remove`.
   */
  capture(
    wish: CaptureWish,
    report: (progress: CaptureProgress) => void,
    signal: AbortSignal,
  ): Promise<Captured>;

  /**
   * What became of a capture whose caller is gone: `undefined` when it left nothing and nothing is on
   * its way. Waits, as long as a capture may take, while the engine seems to be at it.
   */
  recover(
    wish: CaptureWish,
    report: (progress: CaptureProgress) => void,
    signal: AbortSignal,
  ): Promise<Captured | undefined>;

  /**
   * Removes what a capture left. Absent is success. Rejects with `conflict` (`snapshot.delete_conflict`) while
   * sandboxes use it.
   */
  remove(snapshotId: string, signal: AbortSignal): Promise<void>;
}
