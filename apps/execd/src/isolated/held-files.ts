import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { failedWith } from '../files/system-errors.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/*
 * What a session can write to, it can also exchange for a link to something it must not reach, at any moment. So the
 * agent, which may reach everything, goes there name by name and holds open what it found.
 */

/** Fails where there is a link. */
export function holdDirectory(path: string): Promise<FileHandle> {
  return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/** The path of a name in a directory that is held. Only its last name may be a link. */
export function placeIn(directory: FileHandle, name: string): string {
  return `${pathOf(directory)}/${name}`;
}

/** Leads to what is held, under whatever name it is by now. */
export function pathOf(held: FileHandle): string {
  return `/proc/self/fd/${held.fd}`;
}

/** A directory below `root`, whose own path may have links. */
export async function holdBelow(root: string, names: readonly string[]): Promise<FileHandle> {
  let held = await open(root, O_RDONLY | O_DIRECTORY);
  for (const name of names) {
    const directory = held;
    try {
      held = await holdDirectory(placeIn(directory, name));
    } finally {
      await directory.close();
    }
  }
  return held;
}

/** Undefined when it is no longer there, or no longer a plain file. */
export async function holdFile(path: string): Promise<FileHandle | undefined> {
  let held: FileHandle;
  try {
    held = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ELOOP', 'ENXIO')) return undefined;
    throw error;
  }
  const stats = await held.stat().catch(() => undefined); // then nothing can be read of it either
  if (stats?.isFile() === true) return held;
  await held.close();
  return undefined;
}
