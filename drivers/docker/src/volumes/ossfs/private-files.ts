import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { constants } from 'node:fs';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

const NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const LONGEST_OUTPUT = 16 * 1024;
const KEY_BYTES = 32;

/** A file that exists as long as it is needed and that only this user can read. */
export interface PrivateFile extends AsyncDisposable {
  readonly path: string;
  readonly handle: FileHandle;
}

export async function openPrivateFile(directory: string, ending: string): Promise<PrivateFile> {
  const path = join(directory, `${randomBytes(16).toString('hex')}${ending}`);
  const handle = await open(path, NEW, 0o600);
  return {
    path,
    handle,
    async [Symbol.asyncDispose]() {
      await rm(path, { force: true });
      await handle.close();
    },
  };
}

export async function readOutput(file: PrivateFile): Promise<{ text: string; isCut: boolean }> {
  const buffer = Buffer.alloc(LONGEST_OUTPUT + 1);
  const { bytesRead } = await file.handle.read(buffer, 0, buffer.length, 0);
  const isCut = bytesRead > LONGEST_OUTPUT;
  return { text: buffer.subarray(0, Math.min(bytesRead, LONGEST_OUTPUT)).toString('utf8'), isCut };
}

/** Removes what a server that was killed left behind. */
export async function clearDirectory(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await rm(join(directory, name), { force: true });
}

/** The key of this mount root's fingerprints, made when there is none. */
export async function readOrMakeKey(path: string): Promise<Buffer> {
  const known = await readFile(path).catch(() => Buffer.alloc(0));
  if (known.length === KEY_BYTES) return known;
  await rm(path, { force: true });
  const key = randomBytes(KEY_BYTES);
  const file = await open(path, NEW, 0o600);
  try {
    await file.writeFile(key);
    await file.sync();
  } finally {
    await file.close();
  }
  return key;
}
