import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** One thing that is otherwise in the upper directory of an overlay than below it. */
export interface Change {
  /** Relative to the workspace. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'link' | 'removed';
  readonly stats: Stats;
}

/** Directories come before what is in them; sockets, pipes and devices do not travel. */
export async function* listChanges(upper: string, below = ''): AsyncGenerator<Change> {
  const names = await readdir(join(upper, below));
  for (const name of names.sort()) {
    const path = join(below, name);
    const stats = await lstat(join(upper, path)).catch(() => undefined); // it has just been removed
    const kind = stats === undefined ? undefined : kindOf(stats);
    if (stats === undefined || kind === undefined) continue;
    yield { path, kind, stats };
    if (kind === 'directory') yield* listChanges(upper, path);
  }
}

/** An overlay remembers what was removed as a character device of number 0. */
function kindOf(stats: Stats): Change['kind'] | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'link';
  return stats.isCharacterDevice() && stats.rdev === 0 ? 'removed' : undefined;
}
