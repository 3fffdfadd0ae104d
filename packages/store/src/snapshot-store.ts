import type { Clock } from '@opensandbox/base';
import { Fault } from '@opensandbox/base';
import type { SnapshotRecord, SnapshotStore } from '@opensandbox/core/ports';
import type { SnapshotRow } from './snapshot-rows.ts';
import { formatIso, formatSnapshotRow, parseIso, parseSnapshotRow } from './snapshot-rows.ts';
import { writeTooSlow } from './store-faults.ts';
import type { Writer, WriteOp } from './write-protocol.ts';
import { within } from './writer.ts';

export interface SqliteSnapshotStoreParts {
  readonly rows: readonly SnapshotRow[];
  readonly writer: Writer;
  readonly toFault: (error: unknown) => Fault;
  readonly clock: Clock;
  /** The longest that a caller waits for a write. */
  readonly limitMs: number;
}

interface Entry {
  readonly record: SnapshotRecord;
  /** As it is in the file: what a change was made from. */
  readonly updatedAt: string;
}

/** What a write is made of, from what is known when its turn comes. `undefined`: there is nothing to write. */
type Plan = () => { readonly op: WriteOp; readonly then: Entry | undefined } | undefined;

/**
 * Snapshots in memory, written through, one write after the other: they are rare. Other servers may write the table
 * as well: of what they changed their version is taken, and the change is made to that.
 */
export class SqliteSnapshotStore implements SnapshotStore, AsyncDisposable {
  readonly #parts: SqliteSnapshotStoreParts;
  readonly #entries: Map<string, Entry>;
  #tail: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(parts: SqliteSnapshotStoreParts) {
    this.#parts = parts;
    this.#entries = new Map(parts.rows.map((row) => [row.id, entryOf(row)]));
  }

  get(id: string): SnapshotRecord | undefined {
    return this.#entries.get(id)?.record;
  }

  list(): readonly SnapshotRecord[] {
    return [...this.#entries.values()].map(({ record }) => record);
  }

  async insert(record: SnapshotRecord): Promise<void> {
    const { id } = record;
    const plan: Plan = () => {
      if (this.#entries.has(id)) {
        throw new Fault('conflict', 'store.exists', `A snapshot with the id ${id} already exists.`);
      }
      const row = formatSnapshotRow(record, formatIso(record.createdAt));
      return { op: { kind: 'snapshot-insert', id, row }, then: { record, updatedAt: row.updated_at } };
    };
    const writing = this.#enqueue(id, plan);
    try {
      await this.#limited(writing);
    } catch (error) {
      // Refused by the clock: what the disk does all the same is taken back.
      if (error instanceof Fault && error.code === 'store.busy') {
        void writing.then(() => this.remove(id)).catch(() => undefined);
      }
      throw error;
    }
  }

  async update(id: string, change: (current: SnapshotRecord) => SnapshotRecord): Promise<SnapshotRecord> {
    let result: SnapshotRecord | undefined;
    const plan: Plan = () => {
      const entry = this.#entries.get(id);
      if (entry === undefined) throw new Fault('not_found', 'snapshot.not_found', `Snapshot ${id} not found`);
      const { record: current, updatedAt } = entry;
      const changed = change(current);
      result = changed === current ? current : { ...changed, id };
      if (changed === current) return undefined;
      const row = formatSnapshotRow(result, this.#nextUpdate(updatedAt));
      const from = { state: current.state, updatedAt };
      return {
        op: { kind: 'snapshot-replace', id, row, from },
        then: { record: result, updatedAt: row.updated_at },
      };
    };
    await this.#limited(this.#enqueue(id, plan));
    if (result === undefined) throw new Fault('internal', 'store.failed', 'An update has no outcome.');
    return result;
  }

  async remove(id: string): Promise<void> {
    await this.#limited(this.#enqueue(id, () => ({ op: { kind: 'snapshot-remove', id }, then: undefined })));
  }

  /** Waits for what is on its way, as far as that is possible. Whoever owns the writer closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await within(this.#parts.limitMs, this.#tail, this.#parts.clock);
  }

  /** Later than the one before, by a microsecond at least: equal times would look like no change. */
  #nextUpdate(before: string): string {
    const now = this.#parts.clock.now() * 1000;
    return formatIso(Math.max(Math.trunc(now), (parseIso(before) ?? 0) + 1));
  }

  #enqueue(id: string, plan: Plan): Promise<void> {
    if (this.#isClosed) {
      return Promise.reject(new Fault('unavailable', 'store.failed', 'The store has been closed.'));
    }
    const work = this.#tail.then(() => this.#write(id, plan));
    this.#tail = work.catch(() => undefined);
    return work;
  }

  async #write(id: string, plan: Plan): Promise<void> {
    for (;;) {
      const planned = plan();
      if (planned === undefined) return;
      const conflict = await this.#parts.writer.write([planned.op]).catch((error: unknown) => {
        throw this.#parts.toFault(error);
      });
      if (conflict === undefined) {
        this.#set(id, planned.then);
        return;
      }
      this.#set(id, conflict.row === undefined ? undefined : entryOf(conflict.row));
    }
  }

  #set(id: string, entry: Entry | undefined): void {
    if (entry === undefined) this.#entries.delete(id);
    else this.#entries.set(id, entry);
  }

  /** The work goes on after the time: then reads show what became of it. */
  async #limited(work: Promise<unknown>): Promise<void> {
    const { clock, limitMs } = this.#parts;
    if (!(await within(limitMs, work, clock))) throw writeTooSlow(limitMs);
    await work;
  }
}

function entryOf(row: SnapshotRow): Entry {
  return { record: parseSnapshotRow(row), updatedAt: row.updated_at };
}
