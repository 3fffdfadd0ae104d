import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { FileContext } from './file-context.ts';

/** Pipes and devices must fail to open instead of waiting for a partner. */
const READ_WRITE = constants.O_RDWR | constants.O_NONBLOCK;
const WRITE_OR_CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_NONBLOCK;

/**
 * Gives `work` an open regular file whose content is about to be written over: the file stays the same one,
 * with its mode, owner and links. Nobody else in this process rewrites it meanwhile.
 */
export async function rewriteInPlace<T>(
  path: string,
  access: 'read_write' | 'write_or_create',
  context: FileContext,
  work: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const file = await open(path, access === 'read_write' ? READ_WRITE : WRITE_OR_CREATE, 0o777);
  try {
    const stats = await file.stat({ bigint: true });
    if (!stats.isFile()) throw new Error(`not a regular file: ${path}`);
    const key = `${stats.dev}:${stats.ino}`;
    return await context.rewrites.run(key, () => work(file), new AbortController().signal);
  } finally {
    await file.close();
  }
}
