import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@opensandbox/base';
import { openOutputDirectory } from '@opensandbox/process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCommandJournal, readCommandJournal } from '../src/commands/command-journal.ts';
import type { CommandRecord } from '../src/commands/command-record.ts';

let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'journal-test-'));
  directory = join(parent, 'opensandbox-execd-heir');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const path = (): string => join(directory, 'commands.jsonl');

function record(id: string, more: Partial<CommandRecord> = {}): CommandRecord {
  const nothing = {
    group: undefined,
    leader: undefined,
    dueAt: undefined,
    outputPath: undefined,
    end: undefined,
  };
  return { id, command: `echo ${id}`, startedAt: 1, ...nothing, ...more };
}

/** Writes records one after another, as the commands of an agent change. */
function journalled(): (changed: CommandRecord) => void {
  const all = new Map<string, CommandRecord>();
  const journal = openCommandJournal(openOutputDirectory([parent], 'heir'), silentLogger);
  return (changed) => {
    all.set(changed.id, changed);
    journal.write(changed, all);
  };
}

describe('a command journal', () => {
  it('tells of each command what was written last', () => {
    const write = journalled();
    const end = { exit: { code: 3 }, error: 'exit status 3', finishedAt: 5 };
    write(record('a', { leader: { pid: 7, startedTicks: '9' }, dueAt: 4, outputPath: join(directory, 'a') }));
    write(record('b'));
    write(record('a', { outputPath: join(directory, 'a'), end }));
    const read = readCommandJournal(directory);
    expect(read.map(({ id }) => id)).toEqual(['a', 'b']);
    expect(read[0]).toEqual({
      id: 'a',
      command: 'echo a',
      startedAt: 1,
      outputPath: join(directory, 'a'),
      end,
    });
  });

  it('is read up to a line that was cut off', () => {
    const write = journalled();
    write(record('a'));
    write(record('b'));
    writeFileSync(path(), readFileSync(path(), 'utf8').slice(0, -5));
    expect(readCommandJournal(directory).map(({ id }) => id)).toEqual(['a']);
  });

  it('comes back whole when someone emptied its place', () => {
    const write = journalled();
    write(record('a'));
    rmSync(directory, { recursive: true });
    write(record('b'));
    write(record('c'));
    expect(readCommandJournal(directory).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
  });

  it('does not grow with what is over', () => {
    const write = journalled();
    for (let n = 0; n < 5000; n += 1) write(record('a', { startedAt: n }));
    expect(readFileSync(path(), 'utf8').split('\n').length).toBeLessThan(1100);
    expect(readCommandJournal(directory)).toMatchObject([{ id: 'a', startedAt: 4999 }]);
  });

  it('is not believed where it leads elsewhere', () => {
    const write = journalled();
    write(record('a', { outputPath: '/etc/passwd' }));
    write(record('b'));
    expect(readCommandJournal(directory).map(({ id }) => id)).toEqual(['b']);
    const elsewhere = join(parent, 'elsewhere');
    writeFileSync(elsewhere, readFileSync(path()));
    rmSync(path());
    symlinkSync(elsewhere, path());
    expect(readCommandJournal(directory)).toEqual([]);
  });
});
