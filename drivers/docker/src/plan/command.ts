import type { FaultCode } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import { BOOTSTRAP, OWN_SHELL_COMMAND } from '../names.ts';
import { shellSplit } from '../shell-split.ts';
import type { Shell } from '../shell.ts';
import type { PlanStep } from './plan-step.ts';

export const planCommand: PlanStep = (draft, { record, shell }) => ({
  ...draft,
  ...(shell === undefined ? {} : { Entrypoint: startOf(shell) }),
  Cmd: record.spec.entrypoint,
  Env: record.spec.env.map(([name, value]) => `${name}=${value}`),
});

function startOf(shell: Shell): readonly string[] {
  return shell === 'image' ? [BOOTSTRAP] : [...OWN_SHELL_COMMAND, BOOTSTRAP];
}

/** The words of the command. One single text with a space in it is a shell line and is split as one. */
export function parseCommand(entrypoint: readonly string[]): readonly string[] {
  const [only = '', ...rest] = requireWords(entrypoint);
  if (rest.length > 0 || !only.includes(' ')) return entrypoint;
  const words = shellSplit(only);
  if (words === undefined) {
    throw invalidEntrypoint('Entrypoint cannot be split into words: a quote or an escape is left open.');
  }
  if (words.length === 0) throw invalidEntrypoint('Entrypoint must not be blank.');
  return words;
}

export function requireWords(entrypoint: readonly string[]): readonly string[] {
  if (entrypoint.length === 0) throw invalidEntrypoint('Entrypoint must not be empty.');
  return entrypoint;
}

function invalidEntrypoint(message: string): Fault {
  return new Fault('invalid', 'entrypoint.invalid' satisfies FaultCode, message);
}
