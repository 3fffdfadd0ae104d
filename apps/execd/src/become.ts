import { errorText } from '@opensandbox/process';
import { parseRunAs } from './commands/shell.ts';

/** The part of a runtime's `process` that lets a program change what it runs as and replace itself. */
export interface ProcessControl {
  setgroups?(groups: readonly number[]): void;
  setgid?(id: number): void;
  setuid?(id: number): void;
  execve?(file: string, args: readonly string[], env: Readonly<Record<string, string>>): void;
  on(signal: 'SIGPIPE' | 'SIGXFSZ', listener: () => void): unknown;
}

/**
 * Turns this process into the program it was started for, under the credentials asked for. Returns undefined
 * when the arguments ask for nothing of the kind, and what to say when it could not be done.
 */
export function becomeProgram(
  control: ProcessControl,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const wanted = parseRunAs(args, environment);
  if (wanted === undefined) return undefined;
  const { credentials, invocation } = wanted;
  try {
    // The runtime ignores these two and what is ignored stays so in the program; what is handled does not.
    control.on('SIGPIPE', () => undefined);
    control.on('SIGXFSZ', () => undefined);
    control.setgroups?.(credentials.groups);
    control.setgid?.(credentials.gid);
    control.setuid?.(credentials.uid);
    control.execve?.(invocation.file, [invocation.file, ...invocation.args], invocation.env);
    throw new Error('this runtime cannot replace a process');
  } catch (error) {
    return `fork/exec ${invocation.file}: ${errorText(error)}`;
  }
}
