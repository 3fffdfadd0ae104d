import { setImmediate as nextTurn } from 'node:timers/promises';
import { Fault } from '@opensandbox/base';
import type { SandboxId, SandboxRecord, SandboxStore } from '@opensandbox/core/ports';
import type { RecordTable } from './record-table.ts';

type Change = (current: SandboxRecord) => SandboxRecord;

/** What a transaction has changed so far; `undefined` is a removal. Becomes visible when it is on disk. */
type Pending = Map<SandboxId, SandboxRecord | undefined>;

interface Job {
  /** Writes; what it returns is the caller's answer. A Fault concerns this job alone, anything else all of them. */
  write(pending: Pending): SandboxRecord | undefined;
  done(record: SandboxRecord | undefined): void;
  failed(error: unknown): void;
}

export interface SqliteStoreParts {
  readonly table: RecordTable;
  readonly toFault: (error: unknown) => Fault;
  /** Waits, off the event loop, until what was committed has reached the disk. */
  readonly sync: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Records in memory, written through. All writes asked for in one turn of the event loop, or while the one
 * before is on its way to the disk, share one commit. The disk is waited for off the event loop.
 */
export class SqliteStore implements SandboxStore, AsyncDisposable {
  readonly #parts: SqliteStoreParts;
  readonly #records: Map<SandboxId, SandboxRecord>;
  #list: readonly SandboxRecord[] | undefined;
  readonly #queue: Job[] = [];
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: SqliteStoreParts) {
    this.#parts = parts;
    this.#records = new Map(parts.table.all().map((record) => [record.id, record]));
  }

  get(id: SandboxId): SandboxRecord | undefined {
    return this.#records.get(id);
  }

  list(): readonly SandboxRecord[] {
    this.#list ??= [...this.#records.values()];
    return this.#list;
  }

  async insert(record: SandboxRecord): Promise<void> {
    await this.#enqueue((pending) => {
      if (this.#current(pending, record.id) !== undefined || !this.#parts.table.insert(record)) {
        throw new Fault('conflict', 'store.exists', `A sandbox with the id ${record.id} already exists.`);
      }
      pending.set(record.id, record);
      return record;
    });
  }

  async update(id: SandboxId, change: Change): Promise<SandboxRecord> {
    const updated = await this.#enqueue((pending) => this.#replace(pending, id, change));
    if (updated === undefined) throw notFound(id);
    return updated;
  }

  async remove(id: SandboxId): Promise<void> {
    await this.#enqueue((pending) => {
      this.#parts.table.remove(id);
      pending.set(id, undefined);
      return undefined;
    });
  }

  /** Writes what is still waiting, then closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    await this.#draining;
    await this.#parts.close();
  }

  #replace(pending: Pending, id: SandboxId, change: Change): SandboxRecord {
    let current = this.#current(pending, id);
    for (;;) {
      if (current === undefined) throw notFound(id);
      const changed = change(current);
      if (changed === current) return current;
      const next = { ...changed, id, revision: current.revision + 1 };
      if (this.#parts.table.replace(next, current.revision)) {
        pending.set(id, next);
        return next;
      }
      // Another process wrote the row: take its version and change that one.
      current = this.#parts.table.read(id);
      pending.set(id, current);
    }
  }

  #current(pending: Pending, id: SandboxId): SandboxRecord | undefined {
    return pending.has(id) ? pending.get(id) : this.#records.get(id);
  }

  #enqueue(write: Job['write']): Promise<SandboxRecord | undefined> {
    if (this.#closing !== undefined) {
      return Promise.reject(new Fault('unavailable', 'store.failed', 'The store has been closed.'));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ write, done: resolve, failed: reject });
      this.#draining ??= this.#drain();
    });
  }

  async #drain(): Promise<void> {
    await nextTurn();
    while (this.#queue.length > 0) await this.#commit(this.#queue.splice(0));
    this.#draining = undefined;
  }

  #publish(pending: Pending): void {
    for (const [id, record] of pending) {
      if (record === undefined) this.#records.delete(id);
      else this.#records.set(id, record);
    }
    this.#list = undefined;
  }

  async #commit(jobs: readonly Job[]): Promise<void> {
    const pending: Pending = new Map();
    const answers: (() => void)[] = [];
    try {
      this.#parts.table.inTransaction(() => {
        for (const job of jobs) answers.push(runJob(job, pending));
      });
    } catch (error) {
      const fault = this.#parts.toFault(error);
      for (const job of jobs) job.failed(fault);
      return;
    }
    try {
      await this.#parts.sync();
    } catch (error) {
      // The file has the changes, whether or not the disk will: memory follows it, and the callers are told.
      this.#publish(pending);
      const fault = this.#parts.toFault(error);
      for (const job of jobs) job.failed(fault);
      return;
    }
    this.#publish(pending);
    for (const answer of answers) answer();
  }
}

/** The job's answer, to be given once the transaction is on disk. */
function runJob(job: Job, pending: Pending): () => void {
  try {
    const record = job.write(pending);
    return () => job.done(record);
  } catch (error) {
    if (isStoreError(error)) throw error;
    return () => job.failed(error); // its own refusal, or what the caller's change threw
  }
}

function isStoreError(error: unknown): boolean {
  return error instanceof Error && error.name === 'SqliteError';
}

function notFound(id: SandboxId): Fault {
  return new Fault('not_found', 'sandbox.not_found', `Sandbox ${id} not found.`);
}
