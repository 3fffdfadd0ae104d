import { randomBytes } from 'node:crypto';
import { chmodSync, constants, lstatSync, mkdirSync, openSync, rmSync } from 'node:fs';
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
  /** Whatever `make` makes at a path in the directory. It is asked again, elsewhere, when it throws. */
  place<T>(name: string, make: (path: string) => T): T;
  /** What an earlier process of the same name has left. */
  readonly inherited: string | undefined;
}

const PREFIX = 'opensandbox-execd-';
const NEW_FILE = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL;

/**
 * Files go below the first of `parents` where they can be made. The directory comes into being with its
 * first file and again whenever someone removed it: programs in a sandbox may well empty the place. A process that
 * is to take over from another is given the same name.
 */
export function openOutputDirectory(parents: readonly string[], name = randomName()): OutputDirectory {
  const inherited = parents.map((parent) => join(parent, PREFIX + name)).find(isPrivateDirectory);
  let current = inherited;

  function placeAnywhere<T>(file: string, make: (path: string) => T): T {
    let problem: unknown;
    for (const parent of parents) {
      try {
        const directory = join(parent, PREFIX + name);
        mkdirSync(parent, { recursive: true });
        makePrivateDirectory(directory);
        const made = make(join(directory, file));
        current = directory;
        return made;
      } catch (error) {
        problem ??= error;
      }
    }
    const message = `no place for command output: ${errorText(problem)}`;
    throw new Fault('internal', 'process.no_output_directory', message, { cause: problem });
  }

  function place<T>(file: string, make: (path: string) => T): T {
    // Others may have put one of their own in its place, and would see what is written there.
    if (current === undefined || !isPrivateDirectory(current)) return placeAnywhere(file, make);
    try {
      return make(join(current, file));
    } catch {
      return placeAnywhere(file, make); // full, or removed just now: look for a place again
    }
  }

  return {
    inherited,
    place,
    create: (file) => place(file, newFile),
    [Symbol.dispose]() {
      if (current !== undefined) rmSync(current, { recursive: true, force: true });
    },
  };
}

function newFile(path: string): OutputFile {
  return { path, fd: openSync(path, NEW_FILE | constants.O_NOFOLLOW, 0o600) };
}

function randomName(): string {
  return randomBytes(8).toString('hex');
}

function makePrivateDirectory(path: string): void {
  if (isPrivateDirectory(path)) return;
  mkdirSync(path, { mode: 0o700 }); // not where something else has the name, least of all a link
  chmodSync(path, 0o700);
}

function isPrivateDirectory(path: string): boolean {
  try {
    const found = lstatSync(path);
    return found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0;
  } catch {
    return false;
  }
}
