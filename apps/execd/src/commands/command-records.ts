import { rmSync } from 'node:fs';
import type { Clock } from '@opensandbox/base';
import { noJournal } from './command-journal.ts';
import type { CommandJournal } from './command-journal.ts';
import type { CommandEnd, CommandRecord } from './command-record.ts';

export interface RetentionLimits {
  readonly keepMs: number;
  readonly mostFinished: number;
}

/** A client that comes back after an hour still finds its command; a sandbox of millions does not fill up. */
export const RETENTION: RetentionLimits = { keepMs: 60 * 60 * 1000, mostFinished: 10_000 };

/** The commands this agent knows. Finished ones and their output are forgotten after a while. */
export interface CommandRecords {
  /** Takes in a command that was started, or one that an earlier agent knew. */
  add(record: CommandRecord): void;
  finish(id: string, end: Omit<CommandEnd, 'finishedAt'>): void;
  /** Notes that the output of a command begins later now. */
  drop(id: string, before: number): void;
  get(id: string): CommandRecord | undefined;
  running(): CommandRecord[];
}

export function createCommandRecords(
  clock: Clock,
  limits: RetentionLimits,
  journal: CommandJournal = noJournal,
): CommandRecords {
  const records = new Map<string, CommandRecord>();
  /** Ids in the order they finished, so the oldest is always in front. */
  const finished = new Set<string>();
  let nextSweep: Disposable | undefined;

  function forget(id: string): void {
    const path = records.get(id)?.outputPath;
    if (path !== undefined) rmSync(path, { force: true });
    finished.delete(id);
    records.delete(id);
  }

  function sweep(): void {
    nextSweep?.[Symbol.dispose]();
    nextSweep = undefined;
    for (const id of finished) {
      const dueAt = (records.get(id)?.end?.finishedAt ?? 0) + limits.keepMs;
      if (finished.size <= limits.mostFinished && dueAt > clock.now()) {
        nextSweep = clock.at(dueAt, sweep);
        return;
      }
      forget(id);
    }
  }

  function keep(record: CommandRecord): void {
    records.set(record.id, record);
    journal.write(record, records);
    if (record.end === undefined) return;
    finished.add(record.id);
    if (nextSweep === undefined || finished.size > limits.mostFinished) sweep();
  }

  return {
    add: keep,
    finish(id, end) {
      const record = records.get(id);
      if (record !== undefined)
        keep({ ...record, group: undefined, end: { ...end, finishedAt: clock.now() } });
    },
    drop(id, before) {
      const record = records.get(id);
      if (record === undefined) return;
      const changed = { ...record, firstByte: before };
      records.set(id, changed);
      journal.write(changed, records);
    },
    get: (id) => records.get(id),
    running: () => [...records.values()].filter((record) => record.end === undefined),
  };
}
