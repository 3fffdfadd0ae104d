import { randomBytes } from 'node:crypto';
import { chmodSync, constants, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@opensandbox/base';
import { errorText } from './system-error.ts';

export interface OutputFile {
  readonly path: string;
  readonly fd: number;
}

/** A directory only this user can enter, for what processes print. */
export interface OutputDirectory extends Disposable {
  /** A new empty file, open for appending and reading, for this user alone. The caller closes it. */
  create(name: string): OutputFile;
}

const NEW_FILE = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL;

/**
 * Files go below the first of `parents` where they can be made. The directory comes into being with its
 * first file and again whenever someone removed it: programs in a sandbox may well empty the place.
 */
export function openOutputDirectory(parents: readonly string[]): OutputDirectory {
  const name = `opensandbox-execd-${randomBytes(8).toString('hex')}`;
  let current: string | undefined;

  function createIn(directory: string, file: string): OutputFile {
    const path = join(directory, file);
    return { path, fd: openSync(path, NEW_FILE | constants.O_NOFOLLOW, 0o600) };
  }

  function createAnywhere(file: string): OutputFile {
    let problem: unknown;
    for (const parent of parents) {
      try {
        const directory = join(parent, name);
        mkdirSync(parent, { recursive: true });
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        chmodSync(directory, 0o700);
        const created = createIn(directory, file);
        current = directory;
        return created;
      } catch (error) {
        problem ??= error;
      }
    }
    const message = `no place for command output: ${errorText(problem)}`;
    throw new Fault('internal', 'process.no_output_directory', message, { cause: problem });
  }

  return {
    create(file) {
      if (current === undefined) return createAnywhere(file);
      try {
        return createIn(current, file);
      } catch {
        return createAnywhere(file); // removed, or full: look for a place again
      }
    },
    [Symbol.dispose]() {
      if (current !== undefined) rmSync(current, { recursive: true, force: true });
    },
  };
}
