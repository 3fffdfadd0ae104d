import type { Scope } from '@opensandbox/base';
import { noJournal, openCommandJournal } from './command-journal.ts';
import { createCommandRecords, RETENTION } from './command-records.ts';
import { createCommandRunner } from './command-runner.ts';
import type { CommandRunner } from './command-runner.ts';
import { recoverCommands } from './recover-commands.ts';
import type { CommandDeps } from './start-command.ts';

export interface CommandSetting extends Omit<CommandDeps, 'records'> {
  /** Whether another agent takes over when this one ends. */
  readonly isSupervised: boolean;
}

/** The commands of this agent, with those of the agent before it. */
export function openCommands(setting: CommandSetting, scope: Scope): CommandRunner {
  const { clock, log, outputs, isSupervised } = setting;
  const journal = isSupervised ? openCommandJournal(outputs, log) : noJournal;
  const deps = { ...setting, records: createCommandRecords(clock, RETENTION, journal) };
  if (isSupervised && outputs.inherited !== undefined) {
    try {
      recoverCommands(deps, outputs.inherited, scope);
    } catch (error) {
      log.error('command.recovery_failed', { error }); // those commands are lost; new ones are not
    }
  }
  return createCommandRunner(deps, scope);
}
