import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { copyContent } from './copy-bytes.ts';
import type { ExistingFile } from './existing-file.ts';
import { copyExtendedAttributes } from './extended-attributes.ts';
import type { FileContext } from './file-context.ts';
import { openSpool } from './spool.ts';
import type { Spool } from './spool.ts';

export interface Replacing {
  /** The whole new content. */
  readonly spool: Spool;
  readonly existing: ExistingFile;
  readonly context: FileContext;
  /** Applies what else was asked for to the file that will be there. */
  readonly adjust: (path: string) => Promise<void>;
}

/**
 * Gives a file another content so that nobody ever reads a part of it: another file with the same owner, mode and
 * attributes takes its place. Where that cannot be, the content is written over: the file has other names, is a
 * mount point, or belongs to somebody whose files we may not make.
 */
export async function replaceContent(replacing: Replacing): Promise<void> {
  const { spool, existing, context, adjust } = replacing;
  if (existing.stats.nlink === 1n) {
    if (await takePlace(spool, replacing)) return;
    const directory = dirname(existing.path);
    await using near = await openSpool({ directory, otherwise: context.spoolDirectory, mode: 0o600 });
    if (dirname(near.path) === directory && dirname(spool.path) !== directory) {
      await copyContent(spool.file, near.file);
      await near.file.sync();
      if (await takePlace(near, replacing)) return;
    }
  }
  if (existing.busy !== undefined) throw existing.busy;
  await copyContent(spool.file, existing.file);
  await existing.file.sync();
  await adjust(existing.path);
}

/** What keeps a file from becoming a copy of another, or from taking its place, is no error: there is another way. */
async function takePlace(spool: Spool, { existing, adjust }: Replacing): Promise<boolean> {
  try {
    await resemble(spool, existing);
  } catch {
    return false;
  }
  await adjust(spool.path);
  try {
    await rename(spool.path, existing.path);
  } catch {
    return false;
  }
  spool.release();
  return true;
}

async function resemble({ file }: Spool, { file: other, stats }: ExistingFile): Promise<void> {
  const own = await file.stat({ bigint: true });
  if (own.dev !== stats.dev) throw new Error('another file system');
  if (own.uid !== stats.uid || own.gid !== stats.gid) await file.chown(Number(stats.uid), Number(stats.gid));
  copyExtendedAttributes(other.fd, file.fd);
  await file.chmod(Number(stats.mode & 0o7777n));
}
