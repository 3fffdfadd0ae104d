import { Fault } from '@opensandbox/base';
import type { SandboxId, SandboxRecord, SandboxStore } from '@opensandbox/core';

/** A store that forgets everything with the process. It answers later, like a real one, never at once. */
export class MemoryStore implements SandboxStore {
  readonly #records = new Map<SandboxId, SandboxRecord>();
  #list: readonly SandboxRecord[] | undefined;

  get(id: SandboxId): SandboxRecord | undefined {
    return this.#records.get(id);
  }

  list(): readonly SandboxRecord[] {
    this.#list ??= [...this.#records.values()];
    return this.#list;
  }

  async insert(record: SandboxRecord): Promise<void> {
    await Promise.resolve();
    if (this.#records.has(record.id)) {
      throw new Fault('conflict', 'store.exists', `A sandbox with the id ${record.id} already exists.`);
    }
    this.#set(record);
  }

  async update(id: SandboxId, change: (current: SandboxRecord) => SandboxRecord): Promise<SandboxRecord> {
    await Promise.resolve();
    const current = this.#records.get(id);
    if (current === undefined) throw new Fault('not_found', 'sandbox.not_found', `Sandbox ${id} not found.`);
    const changed = change(current);
    if (changed === current) return current;
    const stored = { ...changed, id, revision: current.revision + 1 };
    this.#set(stored);
    return stored;
  }

  async remove(id: SandboxId): Promise<void> {
    await Promise.resolve();
    this.#records.delete(id);
    this.#list = undefined;
  }

  #set(record: SandboxRecord): void {
    this.#records.set(record.id, record);
    this.#list = undefined;
  }
}
