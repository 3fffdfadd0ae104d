import { basename } from 'node:path';
import { findShell } from '../commands/shell.ts';

type Words = readonly [string, ...string[]];

/** A shell that reads no start-up file: interactive where it has a terminal, or for one command. */
export function shellWords(searchPath: string | undefined, command: string): Words {
  const shell = findShell(searchPath);
  const flags = basename(shell[0]) === 'bash' ? ['--norc', '--noprofile'] : [];
  return [...shell, ...flags, ...(command === '' ? [] : ['-c', command])];
}

/**
 * The leader of a session gets the terminal that it opens first as its controlling one. The runtime opens none in
 * the process it starts, so a shell does before it becomes the wanted program.
 */
export function onTerminal(words: Words, terminalPath: string, searchPath: string | undefined): Words {
  return [...findShell(searchPath), '-c', ': <"$0"; exec "$@"', terminalPath, ...words];
}

/** The environment of an interactive shell. A plain sh would read the file that ENV names. */
export function shellEnvironment(environment: Readonly<Record<string, string>>): Record<string, string> {
  const shellOwn = { ...environment };
  delete shellOwn['ENV'];
  return shellOwn;
}
