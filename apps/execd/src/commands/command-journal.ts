import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Logger } from '@opensandbox/base';
import type { OutputDirectory } from '@opensandbox/process';
import type { CommandRecord } from './command-record.ts';

/** A command as the next agent finds it. */
export type JournalEntry = Omit<CommandRecord, 'group'>;

/** Writes down what runs and how it ended, so that an agent that takes over knows it. */
export interface CommandJournal {
  /** Tells of a change to one of all the commands. */
  write(entry: CommandRecord, all: ReadonlyMap<string, CommandRecord>): void;
}

const NAME = 'commands.jsonl';
/** Beyond this many lines that nobody needs any more the journal is written anew. */
const MOST_STALE_LINES = 1000;

/** Where no agent can take over there is nothing to be written. */
export const noJournal: CommandJournal = { write: () => undefined };

/**
 * Each change of a command is one line at the end of a file; the last line about a command counts. Never stands in
 * the way of a command: what cannot be written is lost to the next agent and to nobody else.
 */
export function openCommandJournal(outputs: OutputDirectory, log: Logger): CommandJournal {
  let fd: number | undefined;
  let lines = 0;

  function close(): void {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  }

  /** All there is, in a new file that takes the place of the old one at once. */
  function rewrite(all: ReadonlyMap<string, CommandRecord>): void {
    close();
    const text = [...all.values()].map(lineFor);
    lines = text.length;
    fd = outputs.place(NAME, (path) => {
      const fresh = `${path}.${process.pid}`;
      rmSync(fresh, { force: true });
      writeFileSync(fresh, text.join(''), { mode: 0o600, flag: 'wx' });
      renameSync(fresh, path);
      return openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW);
    });
  }

  return {
    write(entry, all) {
      try {
        const isThere = fd !== undefined && fstatSync(fd).nlink > 0;
        if (fd === undefined || !isThere || lines > MOST_STALE_LINES + 2 * all.size) {
          rewrite(all);
          return;
        }
        const line = Buffer.from(lineFor(entry));
        lines += 1;
        if (writeSync(fd, line) < line.length) close(); // half a line is mended by writing all anew
      } catch (error) {
        log.warn('command.journal_failed', { error });
      }
    },
  };
}

function lineFor(record: CommandRecord): string {
  return `${JSON.stringify({ ...record, group: undefined })}\n`;
}

/** What an earlier agent wrote down, by id. A line that was cut off by its end is as if it had not been written. */
export function readCommandJournal(directory: string): JournalEntry[] {
  const entries = new Map<string, JournalEntry>();
  for (const line of readLines(join(directory, NAME))) {
    try {
      const entry = JSON.parse(line) as JournalEntry; // from a file that only this user can have written
      if (entry.outputPath !== undefined && dirname(entry.outputPath) !== directory) continue;
      entries.set(entry.id, entry);
    } catch {
      // cut off
    }
  }
  return [...entries.values()];
}

function readLines(path: string): string[] {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch {
    return [];
  }
  try {
    return readFileSync(fd, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } finally {
    closeSync(fd);
  }
}
