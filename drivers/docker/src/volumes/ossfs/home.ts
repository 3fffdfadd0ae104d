import type { FileHandle } from 'node:fs/promises';
import { open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@opensandbox/base';
import { child, makeDirectories, openRoot } from './directories.ts';
import type { Journal } from './journal.ts';
import { openJournal } from './journal.ts';
import { badRoot } from './mount-root.ts';
import { clearDirectory, readOrMakeKey } from './private-files.ts';
import { lockRoot } from './root-lock.ts';

/** Keeps what belongs to the mounts, below the mount root. No bucket has such a name. */
export const HOME = '.opensandbox';
/** Below it: mounts whose usual place lies in another mount, or has another mount in it. */
export const APART = 'apart';

/** The mount root, held by this process alone. */
export interface MountHome extends AsyncDisposable {
  readonly root: FileHandle;
  /** As configured: what containers are labelled with. */
  readonly path: string;
  /** As the kernel's mount table says it. */
  readonly realPath: string;
  /** For files that hold credentials; empty whenever nothing is being mounted. */
  readonly filesDir: string;
  readonly journal: Journal;
  readonly fingerprintKey: Buffer;
}

/** `undefined`: there is no mount root and none is to be made. */
export async function openHome(
  path: string,
  { isMade, log }: { readonly isMade: boolean; readonly log: Logger },
): Promise<MountHome | undefined> {
  const root = await openRoot(path, isMade);
  if (root === undefined) return undefined;
  const opened: AsyncDisposable[] = [{ [Symbol.asyncDispose]: () => root.close() }];
  const close = async (): Promise<void> => {
    for (const each of opened.splice(0).reverse()) await each[Symbol.asyncDispose]();
  };
  try {
    for (const name of ['files', 'mounts', APART]) await makeDirectories(root, [HOME, name]);
    const home = await open(child(root, HOME));
    opened.push({ [Symbol.asyncDispose]: () => home.close() });
    // Through the open directory: the path of a socket has little room.
    const lock = await lockRoot(child(home, 'server.sock'));
    if (lock === undefined) {
      throw badRoot(path, 'another server works there; each needs a directory of its own');
    }
    opened.push(lock);
    const filesDir = join(path, HOME, 'files');
    await clearDirectory(filesDir);
    return {
      root,
      path,
      realPath: await realpath(path),
      filesDir,
      journal: openJournal(join(path, HOME, 'mounts'), log),
      fingerprintKey: await readOrMakeKey(join(path, HOME, 'key')),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
