import type { SnapshotRecord } from '../snapshots/snapshot.ts';

/** What is known of snapshots, durable. Promises, reads and faults are those of `SandboxStore`. */
export interface SnapshotStore {
  get(id: string): SnapshotRecord | undefined;
  /** Every record, in no order. */
  list(): readonly SnapshotRecord[];
  /** Rejects with `conflict` (`store.exists`) when the id is taken. */
  insert(record: SnapshotRecord): Promise<void>;
  /**
   * Replaces a record with `change(current)`. Rejects with `not_found` (`snapshot.not_found`). `change` must be pure:
   * it may run again when another writer got there first. What it throws is passed on and nothing is written;
   * returning the record it was given writes nothing.
   */
  update(id: string, change: (current: SnapshotRecord) => SnapshotRecord): Promise<SnapshotRecord>;
  /** Absent is success. */
  remove(id: string): Promise<void>;
}
