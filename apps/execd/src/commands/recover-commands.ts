import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Scope } from '@opensandbox/base';
import { adoptGroup, awaitEndOf, drainPipe, isRunning } from '@opensandbox/process';
import { readCommandJournal } from './command-journal.ts';
import type { CommandRecord } from './command-record.ts';
import { limitOutput } from './output-limit.ts';
import type { CommandDeps } from './start-command.ts';

const LOST = 'the exit status was lost: the agent restarted while the command ran';
const OUTPUT = '.output';

/**
 * Takes over what an earlier agent left in a directory: finished commands are known, running ones can be watched,
 * read and interrupted, and whatever still writes to that agent finds a reader.
 */
export function recoverCommands(deps: CommandDeps, directory: string, scope: Scope): void {
  const entries = readCommandJournal(directory);
  for (const entry of entries) {
    const { leader } = entry;
    if (entry.end === undefined && leader !== undefined && isRunning(leader)) {
      const record = { ...entry, group: adoptGroup(leader) };
      deps.records.add(record);
      scope.run('command', (signal) => watch(deps, record, signal));
      if (record.outputPath !== undefined) {
        scope.run('output-limit', (signal) => limitOutput(deps, record, signal));
      }
    } else {
      const end = entry.end ?? { exit: undefined, error: LOST, finishedAt: deps.clock.now() };
      deps.records.add({ ...entry, group: undefined, end });
    }
  }
  const known = new Set(entries.map((entry) => entry.outputPath));
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (lstatSync(path).isFIFO()) {
      scope.run('drain', () => drainPipe(path, deps.pipes));
    } else if (name.endsWith(OUTPUT) && !known.has(path)) {
      rmSync(path, { force: true }); // its command never came to be known to anybody
    }
  }
  deps.log.info('command.recovered', { commands: entries.length });
}

/** Waits for the end of a command that is no child of this agent. */
async function watch(deps: CommandDeps, record: CommandRecord, signal: AbortSignal): Promise<void> {
  const { leader, group, dueAt } = record;
  if (leader === undefined) return;
  const kill = (): void => void group?.signal('SIGKILL');
  const timer = dueAt === undefined ? undefined : deps.clock.at(dueAt, kill);
  try {
    await awaitEndOf(leader, deps.clock, signal);
    deps.records.finish(record.id, { exit: undefined, error: LOST });
    deps.log.info('command.end', { id: record.id });
  } finally {
    timer?.[Symbol.dispose]();
  }
}
