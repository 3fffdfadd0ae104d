import { rmSync } from 'node:fs';
import type { Clock } from '@opensandbox/base';
import type { ProcessExit, ProcessGroup } from '@opensandbox/process';

/** One command, running or finished. */
export interface CommandRecord {
  readonly id: string;
  readonly command: string;
  /** Its processes; undefined once its leader has ended. */
  readonly group: ProcessGroup | undefined;
  readonly startedAt: number;
  /** The combined output of a background command; a foreground command keeps none. */
  readonly outputPath: string | undefined;
  readonly end: CommandEnd | undefined;
}

export interface CommandEnd {
  readonly exit: ProcessExit;
  readonly finishedAt: number;
  /** Why it did not succeed; empty after success. */
  readonly error: string;
}

export interface RetentionLimits {
  readonly keepMs: number;
  readonly mostFinished: number;
}

/** A client that comes back after an hour still finds its command; a sandbox of millions does not fill up. */
export const RETENTION: RetentionLimits = { keepMs: 60 * 60 * 1000, mostFinished: 10_000 };

/** The commands this agent knows. Finished ones and their output are forgotten after a while. */
export interface CommandRecords {
  add(record: CommandRecord): void;
  finish(id: string, end: Omit<CommandEnd, 'finishedAt'>): void;
  get(id: string): CommandRecord | undefined;
  running(): CommandRecord[];
}

export function createCommandRecords(clock: Clock, limits: RetentionLimits): CommandRecords {
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

  return {
    add: (record) => void records.set(record.id, record),
    finish(id, end) {
      const record = records.get(id);
      if (record === undefined) return;
      records.set(id, { ...record, group: undefined, end: { ...end, finishedAt: clock.now() } });
      finished.add(id);
      if (nextSweep === undefined || finished.size > limits.mostFinished) sweep();
    },
    get: (id) => records.get(id),
    running: () => [...records.values()].filter((record) => record.end === undefined),
  };
}
