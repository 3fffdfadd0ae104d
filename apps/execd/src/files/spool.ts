import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdtemp, open, rmdir, stat, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failedWith } from './system-errors.ts';

/** A file of our own that holds what is on its way to its place. */
export interface Spool extends AsyncDisposable {
  readonly path: string;
  readonly file: FileHandle;
  /** It has been moved to its place: disposing no longer removes it. */
  release(): void;
}

export interface SpoolPlace {
  /** Where it would best be, so that moving it costs nothing: `directory`, or what exists of its parents. */
  readonly directory: string | undefined;
  /** Below which it goes, out of everybody's sight, when that directory is not known or takes no new files. */
  readonly otherwise: string;
  /** What the umask is applied to; where it is the default, the spool can become a new file as it is. */
  readonly mode: number;
}

export const DEFAULT_MODE = 0o777;

const REFUSALS = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOENT', 'ELOOP', 'ENAMETOOLONG'];

export async function openSpool(place: SpoolPlace): Promise<Spool> {
  const best = place.directory === undefined ? undefined : await nearestDirectory(place.directory);
  if (best === undefined) return openHidden(place);
  try {
    return await openAt(join(best, `.opensandbox-spool-${randomUUID()}`), place.mode);
  } catch (error) {
    if (!failedWith(error, ...REFUSALS)) throw error;
    return openHidden(place);
  }
}

/** In a directory that only we can enter: that keeps the content private, whatever the mode of the file. */
async function openHidden(place: SpoolPlace): Promise<Spool> {
  const directory = await mkdtemp(join(place.otherwise, 'opensandbox-spool-'));
  const removeDirectory = (): Promise<void> => rmdir(directory).catch(() => undefined); // gone already
  try {
    const spool = await openAt(join(directory, 'content'), place.mode);
    return {
      ...spool,
      async [Symbol.asyncDispose]() {
        await spool[Symbol.asyncDispose]();
        await removeDirectory();
      },
    };
  } catch (error) {
    await removeDirectory();
    throw error;
  }
}

const EXCLUSIVE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

async function openAt(path: string, mode: number): Promise<Spool> {
  const file = await open(path, EXCLUSIVE, mode);
  let isOurs = true;
  return {
    path,
    file,
    release: () => {
      isOurs = false;
    },
    async [Symbol.asyncDispose]() {
      await file.close();
      if (isOurs) await unlink(path).catch(() => undefined); // its directory may have been removed meanwhile
    },
  };
}

async function nearestDirectory(directory: string): Promise<string | undefined> {
  for (let current = directory; ; current = dirname(current)) {
    try {
      return (await stat(current)).isDirectory() ? current : undefined;
    } catch (error) {
      if (!failedWith(error, 'ENOENT') || current === '/') return undefined;
    }
  }
}
