import type { Page } from '../page.ts';
import type { SandboxId } from '../sandbox.ts';
import type { SnapshotRecord } from './snapshot.ts';

export interface SnapshotQuery {
  /** `undefined`: of any sandbox. */
  readonly sandboxId: string | undefined;
  /** Compared exactly; a snapshot without a name matches none. `undefined`: every snapshot. */
  readonly name: string | undefined;
  /** Any of these states, compared exactly; `undefined` means every state. */
  readonly states: readonly string[] | undefined;
  /** 1 is the first page. */
  readonly page: number;
  readonly pageSize: number;
}

/** What a client can ask of snapshots. Every verb rejects only with Fault. */
export interface Snapshots {
  /**
   * Accepts and records the snapshot, then answers; the capture goes on in the background. Rejects with `not_found`,
   * `conflict` (`snapshot.source_state`), `unsupported`, `exhausted` (`snapshot.queue_full`).
   */
  create(sandboxId: SandboxId, name: string | undefined): Promise<SnapshotRecord>;
  get(id: string): SnapshotRecord;
  list(query: SnapshotQuery): Page<SnapshotRecord>;
  /**
   * Resolves when nothing is left of it. Rejects with `conflict`: `snapshot.state` while it is being made,
   * `snapshot.delete_conflict` while sandboxes use it; it then stays `Deleting` and goes by itself once they have gone.
   */
  remove(id: string, signal: AbortSignal): Promise<void>;
  /** The image that a sandbox is restored from. Throws `snapshot.not_found`, `.not_ready` or `.restore_config`. */
  imageOf(id: string): string;
}
