import type { SandboxId, SandboxRecord } from '../sandbox.ts';

/**
 * Intent, durable. A promise that has resolved has reached the disk. Reads are served from memory: they are
 * on the path of every GET.
 *
 * Writes take no signal: what was begun is finished, whoever waits for it. They are bounded in time instead, and
 * never keep the event loop from running: a disk that hangs, or another program that holds a lock, rejects with
 * `unavailable` (`store.busy`) after a while. An insert that was rejected does not stay; of an update or a
 * removal it is then unknown, and reads show what became of it.
 */
export interface SandboxStore {
  get(id: SandboxId): SandboxRecord | undefined;
  /** Every record, in no order. */
  list(): readonly SandboxRecord[];
  /** Rejects with `conflict` (`store.exists`) when the id is taken. */
  insert(record: SandboxRecord): Promise<void>;
  /**
   * Replaces a record with `change(current)` and a revision one higher. Rejects with `not_found`
   * (`sandbox.not_found`). `change` must be pure: it may run again when another writer got there first. What
   * it throws is passed on and nothing is written; returning the record it was given writes nothing.
   */
  update(id: SandboxId, change: (current: SandboxRecord) => SandboxRecord): Promise<SandboxRecord>;
  /** Absent is success. */
  remove(id: SandboxId): Promise<void>;
}
