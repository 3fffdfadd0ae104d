import { Fault } from '@opensandbox/base';
import type { SandboxId, SandboxRecord } from '@opensandbox/core/ports';
import { formatRecord } from './record-codec.ts';
import type { WriteOp } from './write-protocol.ts';

/** A transaction that is being put together: what it will write, and how the records look after it. */
export class Draft {
  readonly ops: WriteOp[] = [];
  /** `undefined` is a removal. */
  readonly changed = new Map<SandboxId, SandboxRecord | undefined>();
  readonly #records: ReadonlyMap<SandboxId, SandboxRecord>;

  constructor(records: ReadonlyMap<SandboxId, SandboxRecord>) {
    this.#records = records;
  }

  insert(record: SandboxRecord): SandboxRecord {
    const { id, revision } = record;
    if (this.#current(id) !== undefined) {
      throw new Fault('conflict', 'store.exists', `A sandbox with the id ${id} already exists.`);
    }
    this.ops.push({ kind: 'insert', id, revision, body: formatRecord(record) });
    this.changed.set(id, record);
    return record;
  }

  update(id: SandboxId, change: (current: SandboxRecord) => SandboxRecord): SandboxRecord {
    const current = this.#current(id);
    if (current === undefined) throw new Fault('not_found', 'sandbox.not_found', `Sandbox ${id} not found.`);
    const changed = change(current);
    if (changed === current) return current;
    const next = { ...changed, id, revision: current.revision + 1 };
    const { revision } = next;
    this.ops.push({ kind: 'replace', id, revision, body: formatRecord(next), from: current.revision });
    this.changed.set(id, next);
    return next;
  }

  remove(id: SandboxId): undefined {
    this.ops.push({ kind: 'remove', id });
    this.changed.set(id, undefined);
  }

  #current(id: SandboxId): SandboxRecord | undefined {
    return this.changed.has(id) ? this.changed.get(id) : this.#records.get(id);
  }
}
