import { constants } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { FileContext } from './file-context.ts';
import { failedWith } from './system-errors.ts';

/** A regular file that is about to get another content. */
export interface ExistingFile {
  /** Its own path: no link. */
  readonly path: string;
  readonly file: FileHandle;
  readonly stats: BigIntStats;
  /** Why it cannot be written to where it is: it is a program that runs. */
  readonly busy: Error | undefined;
}

/** Pipes and devices must fail to open instead of waiting for a partner. */
const READ_WRITE = constants.O_RDWR | constants.O_NONBLOCK;
const READ_ONLY = constants.O_RDONLY | constants.O_NONBLOCK;
/** A link that leads to nothing: what it leads to is made. */
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_NONBLOCK;
const WRITE_ONLY = constants.O_WRONLY | constants.O_NONBLOCK;

/**
 * Gives `work` the file at the end of a path. Nobody else in this process changes its content meanwhile: who waited
 * while another file took the place gets that one.
 */
export async function withExistingFile<T>(
  path: string,
  access: 'read_write' | 'write',
  context: FileContext,
  work: (existing: ExistingFile) => Promise<T>,
): Promise<T> {
  for (;;) {
    const existing = await openExisting(path, access);
    try {
      const { dev, ino } = existing.stats;
      const never = new AbortController().signal;
      const done = await context.rewrites.run(
        `${dev}:${ino}`,
        async () => ((await isStillThere(existing)) ? { result: await work(existing) } : undefined),
        never,
      );
      if (done !== undefined) return done.result;
    } finally {
      await existing.file.close();
    }
  }
}

async function openExisting(path: string, access: 'read_write' | 'write'): Promise<ExistingFile> {
  const real = await realpath(path).catch((error: unknown) => {
    if (failedWith(error, 'ENOENT')) return undefined;
    throw error;
  });
  const flags = access === 'read_write' ? READ_WRITE : real === undefined ? CREATE : WRITE_ONLY;
  let busy: Error | undefined;
  const file = await open(real ?? path, flags, 0o777).catch((error: unknown) => {
    if (!failedWith(error, 'ETXTBSY')) throw error;
    busy = error as Error; // what the system says is one
    return open(real ?? path, READ_ONLY);
  });
  try {
    const stats = await file.stat({ bigint: true });
    if (!stats.isFile()) throw new Error(`not a regular file: ${path}`);
    return { path: real ?? (await realpath(path)), file, stats, busy };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function isStillThere({ path, stats }: ExistingFile): Promise<boolean> {
  const now = await stat(path, { bigint: true }).catch(() => undefined); // gone: what comes next says so
  return now?.ino === stats.ino && now.dev === stats.dev;
}
