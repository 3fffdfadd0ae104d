import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, rmdir } from 'node:fs/promises';
import { badRoot } from './mount-root.ts';

/*
 * Everything below the mount root is opened from the directory above it, never by a whole path: a name that somebody
 * replaces by a symbolic link meanwhile leads nowhere.
 */

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const PRIVATE = 0o700;
const WRITABLE_BY_OTHERS = 0o022;
/** Why a directory stays: it is gone, in use, or somebody put something else there. */
const STAYS = new Set(['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EBUSY', 'ENOTDIR', 'ELOOP']);

/** Opens the directory for mounts, made when missing. What is above it is the operator's and taken as it is. */
export async function openRoot(path: string, isMade: boolean): Promise<FileHandle | undefined> {
  if (isMade) {
    await mkdir(path, { recursive: true, mode: PRIVATE }).catch((error: unknown) => {
      throw badRoot(path, `it cannot be made (${codeOf(error)})`, error);
    });
  }
  let root: FileHandle;
  try {
    root = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    if (!isMade && codeOf(error) === 'ENOENT') return undefined;
    throw badRoot(path, `it cannot be opened (${codeOf(error)})`, error);
  }
  if (await isOurs(root)) return root;
  await root.close();
  throw badRoot(path, 'it belongs to another user, or others may write into it');
}

/** How many of the names, one below the other, are there already. */
export async function countExisting(root: FileHandle, names: readonly string[]): Promise<number> {
  const { depth, last } = await descend(root, names, false);
  await closeUnless(root, last);
  return depth;
}

/** Makes the names one below the other; those that are there are taken. */
export async function makeDirectories(root: FileHandle, names: readonly string[]): Promise<void> {
  const { last } = await descend(root, names, true);
  await closeUnless(root, last);
}

/** Removes the lowest `count` of the names, from the lowest up, as far as they are empty. */
export async function removeEmpty(root: FileHandle, names: readonly string[], count: number): Promise<void> {
  for (let length = names.length; length > names.length - count; length -= 1) {
    const above = names.slice(0, length - 1);
    try {
      const { depth, last } = await descend(root, above, false);
      try {
        if (depth < above.length) continue;
        await rmdir(child(last, names[length - 1] ?? ''));
      } finally {
        await closeUnless(root, last);
      }
    } catch (error) {
      if (STAYS.has(codeOf(error))) return;
      throw error;
    }
  }
}

/** A path that leads to a name in a directory that is open. */
export function child(directory: FileHandle, name: string): string {
  return `/proc/self/fd/${directory.fd}/${name}`;
}

async function descend(
  root: FileHandle,
  names: readonly string[],
  isMade: boolean,
): Promise<{ readonly depth: number; readonly last: FileHandle }> {
  let last = root;
  for (const [depth, name] of names.entries()) {
    let next: FileHandle | undefined;
    try {
      next = await openChild(last, name, isMade);
    } catch (error) {
      await closeUnless(root, last);
      throw error;
    }
    if (next === undefined) return { depth, last };
    await closeUnless(root, last);
    last = next;
  }
  return { depth: names.length, last };
}

async function openChild(
  directory: FileHandle,
  name: string,
  isMade: boolean,
): Promise<FileHandle | undefined> {
  const path = child(directory, name);
  if (isMade) {
    await mkdir(path, { mode: PRIVATE }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  }
  let opened: FileHandle;
  try {
    opened = await open(path, DIRECTORY);
  } catch (error) {
    if (!isMade && codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  if (await isOurs(opened)) return opened;
  await opened.close();
  throw badRoot(name, 'a directory below it belongs to another user, or others may write into it');
}

async function isOurs(directory: FileHandle): Promise<boolean> {
  const { uid, mode } = await directory.stat();
  const isTrusted = uid === 0 || uid === process.getuid?.();
  return isTrusted && (mode & WRITABLE_BY_OTHERS) === 0;
}

async function closeUnless(root: FileHandle, handle: FileHandle): Promise<void> {
  if (handle !== root) await handle.close();
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
