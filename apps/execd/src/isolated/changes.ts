import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { failedWith } from '../files/system-errors.ts';
import { holdDirectory, pathOf, placeIn } from './held-files.ts';

/** One thing that is otherwise in the upper directory of an overlay than below it. */
export interface Change {
  /** Relative to the workspace. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'link' | 'removed';
  readonly stats: Stats;
  /** Where it is reached until the next change is asked for. It may be something else by then. */
  readonly place: string;
}

/** Each level is held open. */
const MOST_LEVELS = 256;

/** Directories come before what is in them; sockets, pipes and devices do not travel. */
export async function* listChanges(upper: string): AsyncGenerator<Change> {
  yield* listBelow(await holdDirectory(upper), []);
}

async function* listBelow(directory: FileHandle, names: readonly string[]): AsyncGenerator<Change> {
  try {
    if (names.length > MOST_LEVELS) throw new Error(`more than ${MOST_LEVELS} directories in one another`);
    for (const name of (await readdir(pathOf(directory))).sort()) {
      const place = placeIn(directory, name);
      const stats = await lstat(place).catch(() => undefined); // it has just been removed
      const kind = stats === undefined ? undefined : kindOf(stats);
      if (stats === undefined || kind === undefined) continue;
      yield { path: join(...names, name), kind, stats, place };
      const next = kind === 'directory' ? await holdIfThere(place) : undefined;
      if (next !== undefined) yield* listBelow(next, [...names, name]);
    }
  } finally {
    await directory.close();
  }
}

/** Undefined when it is no directory any more. */
async function holdIfThere(place: string): Promise<FileHandle | undefined> {
  try {
    return await holdDirectory(place);
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

/** An overlay remembers what was removed as a character device of number 0. */
function kindOf(stats: Stats): Change['kind'] | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'link';
  return stats.isCharacterDevice() && stats.rdev === 0 ? 'removed' : undefined;
}
