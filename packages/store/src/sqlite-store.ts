import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@opensandbox/base';
import { Fault } from '@opensandbox/base';
import type { SandboxId, SandboxRecord, SandboxStore } from '@opensandbox/core/ports';
import { sandboxId } from '@opensandbox/core/ports';
import { Draft } from './draft.ts';
import { parseRecord } from './record-codec.ts';
import { writeTooSlow } from './store-faults.ts';
import type { Conflict, Writer } from './write-protocol.ts';
import { within } from './writer.ts';

/** Adds to the transaction; what it returns is the caller's answer. What it throws concerns this job alone. */
type Plan = (draft: Draft) => SandboxRecord | undefined;

interface Job {
  readonly plan: Plan;
  /** What must not stay when the write succeeds after its caller was told that it failed. */
  readonly undo: SandboxId | undefined;
  isGivenUp: boolean;
  done(record: SandboxRecord | undefined): void;
  failed(error: unknown): void;
}

export interface SqliteStoreParts {
  readonly records: readonly SandboxRecord[];
  readonly writer: Writer;
  readonly toFault: (error: unknown) => Fault;
  readonly clock: Clock;
  /** The longest that a caller waits for a write. */
  readonly limitMs: number;
}

/**
 * Records in memory, written through. All writes asked for in one turn of the event loop, or while the one before
 * is on its way to the disk, share one transaction. Whoever has waited for too long is told so: what was not
 * begun by then is not written.
 */
export class SqliteStore implements SandboxStore, AsyncDisposable {
  readonly #parts: SqliteStoreParts;
  readonly #records: Map<SandboxId, SandboxRecord>;
  #list: readonly SandboxRecord[] | undefined;
  readonly #queue: Job[] = [];
  /** What could not be taken back yet: it goes along with the next write. */
  readonly #leftOver: Job[] = [];
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: SqliteStoreParts) {
    this.#parts = parts;
    this.#records = new Map(parts.records.map((record) => [record.id, record]));
  }

  get(id: SandboxId): SandboxRecord | undefined {
    return this.#records.get(id);
  }

  list(): readonly SandboxRecord[] {
    this.#list ??= [...this.#records.values()];
    return this.#list;
  }

  async insert(record: SandboxRecord): Promise<void> {
    await this.#enqueue((draft) => draft.insert(record), record.id);
  }

  async update(id: SandboxId, change: (current: SandboxRecord) => SandboxRecord): Promise<SandboxRecord> {
    const updated = await this.#enqueue((draft) => draft.update(id, change));
    if (updated === undefined) throw new Fault('internal', 'store.failed', 'An update has no outcome.');
    return updated;
  }

  async remove(id: SandboxId): Promise<void> {
    await this.#enqueue((draft) => draft.remove(id));
  }

  /** Writes what is still waiting, as far as that is possible, then closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    const { writer, clock, limitMs } = this.#parts;
    if (this.#draining !== undefined) await within(limitMs, this.#draining, clock);
    await writer.close();
  }

  #enqueue(plan: Plan, undo?: SandboxId): Promise<SandboxRecord | undefined> {
    if (this.#closing !== undefined) {
      return Promise.reject(new Fault('unavailable', 'store.failed', 'The store has been closed.'));
    }
    const { clock, limitMs } = this.#parts;
    return new Promise((resolve, reject) => {
      const limit = clock.at(clock.now() + limitMs, () => {
        job.isGivenUp = true;
        reject(writeTooSlow(limitMs));
      });
      const settled = (): void => limit[Symbol.dispose]();
      const job: Job = {
        plan,
        undo,
        isGivenUp: false,
        done(record) {
          settled();
          resolve(record);
        },
        failed(error) {
          settled();
          reject(error);
        },
      };
      this.#queue.push(job);
      this.#draining ??= this.#drain();
    });
  }

  async #drain(): Promise<void> {
    await nextTurn();
    while (this.#queue.length > 0) {
      await this.#commit([...this.#queue.splice(0), ...this.#leftOver.splice(0)]);
    }
    this.#draining = undefined;
  }

  async #commit(jobs: readonly Job[]): Promise<void> {
    for (;;) {
      const waiting = jobs.filter((job) => !job.isGivenUp);
      const draft = new Draft(this.#records);
      const answers = waiting.map((job) => plan(job, draft));
      try {
        const conflict = draft.ops.length === 0 ? undefined : await this.#parts.writer.write(draft.ops);
        if (conflict === undefined) {
          this.#publish(draft, waiting);
          for (const answer of answers) answer();
          return;
        }
        this.#learn(conflict);
      } catch (error) {
        const fault = this.#parts.toFault(error);
        for (const job of waiting) job.failed(fault);
        return;
      }
    }
  }

  #publish(draft: Draft, jobs: readonly Job[]): void {
    for (const [id, record] of draft.changed) this.#set(id, record);
    // A create that was refused must not come to life because the disk answered after all.
    for (const { isGivenUp, undo } of jobs) {
      if (!isGivenUp || undo === undefined) continue;
      this.#set(undo, undefined);
      this.#queue.unshift(this.#takingBack(undo));
    }
  }

  #takingBack(id: SandboxId): Job {
    const job: Job = {
      plan: (draft) => draft.remove(id),
      undo: undefined,
      isGivenUp: false,
      done: () => undefined,
      failed: () => void this.#leftOver.push(job),
    };
    return job;
  }

  /** Another process wrote the row: its version is the one to change. */
  #learn({ id, body }: Conflict): void {
    this.#set(sandboxId(id), body === undefined ? undefined : parseRecord(id, body));
  }

  #set(id: SandboxId, record: SandboxRecord | undefined): void {
    if (record === undefined) this.#records.delete(id);
    else this.#records.set(id, record);
    this.#list = undefined;
  }
}

/** The job's answer, to be given once the transaction is on disk. */
function plan(job: Job, draft: Draft): () => void {
  try {
    const record = job.plan(draft);
    return () => job.done(record);
  } catch (error) {
    return () => job.failed(error); // its own refusal, or what the caller's change threw
  }
}
