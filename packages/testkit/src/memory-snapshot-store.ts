import { Fault } from '@opensandbox/base';
import type { SnapshotRecord, SnapshotStore } from '@opensandbox/core';

/** Snapshots that are forgotten with the process. It answers later, like a real store, never at once. */
export class MemorySnapshotStore implements SnapshotStore {
  readonly #records = new Map<string, SnapshotRecord>();

  get(id: string): SnapshotRecord | undefined {
    return this.#records.get(id);
  }

  list(): readonly SnapshotRecord[] {
    return [...this.#records.values()];
  }

  async insert(record: SnapshotRecord): Promise<void> {
    await Promise.resolve();
    if (this.#records.has(record.id)) {
      throw new Fault('conflict', 'store.exists', `A snapshot with the id ${record.id} already exists.`);
    }
    this.#records.set(record.id, record);
  }

  async update(id: string, change: (current: SnapshotRecord) => SnapshotRecord): Promise<SnapshotRecord> {
    await Promise.resolve();
    const current = this.#records.get(id);
    if (current === undefined) throw new Fault('not_found', 'snapshot.not_found', `Snapshot ${id} not found`);
    const changed = change(current);
    if (changed === current) return current;
    const stored = { ...changed, id };
    this.#records.set(id, stored);
    return stored;
  }

  async remove(id: string): Promise<void> {
    await Promise.resolve();
    this.#records.delete(id);
  }
}
