import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { cancelled } from '@opensandbox/base';

export interface ProgramRun {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /**
   * Where it prints to. Not a pipe: the mount program leaves a process behind that may print as long as the mount
   * lives, and a pipe that nobody reads any more would kill it.
   */
  readonly output: FileHandle;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Runs a program to its end. When `signal` aborts, it and its process group are killed, and its end awaited. */
export function runProgram(run: ProgramRun, signal: AbortSignal): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(cancelled(signal));
      return;
    }
    const { fd } = run.output;
    const child = spawn(run.file, run.args, {
      cwd: '/',
      env: run.env,
      detached: true,
      stdio: ['ignore', fd, fd],
    });
    const onAbort = (): void => killGroup(child.pid);
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = (act: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      if (signal.aborted) reject(cancelled(signal));
      else act();
    };
    child.once('error', (error) => settle(() => reject(error)));
    child.once('exit', (code, name) => settle(() => resolve({ code, signal: name })));
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: it has just ended by itself
  }
}

/** The first executable file of that name on a search path. */
export function findProgram(name: string, searchPath: string): string | undefined {
  return searchPath
    .split(':')
    .filter((directory) => directory.startsWith('/')) // never from where this server happens to run
    .map((directory) => join(directory, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not for us
  }
}
