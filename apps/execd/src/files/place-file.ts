import { lstat, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sleep } from '@opensandbox/base';
import type { AccountNames } from './account-names.ts';
import { copyContent } from './copy-bytes.ts';
import { withExistingFile } from './existing-file.ts';
import type { FileContext } from './file-context.ts';
import { applyPermission } from './permission.ts';
import type { Permission } from './permission.ts';
import { DEFAULT_MODE, openSpool } from './spool.ts';
import type { Spool } from './spool.ts';
import { failedWith } from './system-errors.ts';
import { replaceContent } from './take-place.ts';

export interface Placement {
  readonly spool: Spool;
  readonly path: string;
  readonly permission: Permission;
  readonly accounts: AccountNames;
}

/**
 * Puts received content where it belongs. A file appears complete, with its permissions; one that exists keeps
 * what it does not get anew: owner, mode, attributes, its other names.
 */
export async function placeFile(placement: Placement, context: FileContext): Promise<void> {
  const directory = dirname(placement.path);
  await mkdir(directory, { recursive: true });
  if (await isThere(placement.path)) await replaceExisting(placement, context);
  else await moveIntoPlace(placement, context);
  await syncDirectory(directory);
}

async function replaceExisting(placement: Placement, context: FileContext): Promise<void> {
  const { spool, path, permission, accounts } = placement;
  const adjust = (place: string): Promise<void> =>
    applyPatiently({ path: place, permission, accounts }, context);
  await spool.file.sync();
  await withExistingFile(path, 'write', context, (existing) =>
    replaceContent({ spool, existing, context, adjust }),
  );
}

async function moveIntoPlace(placement: Placement, context: FileContext): Promise<void> {
  const { spool, path, permission, accounts } = placement;
  await spool.file.sync();
  await applyPatiently({ path: spool.path, permission, accounts }, context);
  try {
    await rename(spool.path, path);
    spool.release();
  } catch (error) {
    if (!failedWith(error, 'EXDEV')) throw error;
    await moveAcross(placement, context);
  }
}

/** The spool lies on another file system than the target: once more, next to the target. */
async function moveAcross(placement: Placement, context: FileContext): Promise<void> {
  const { permission, path } = placement;
  const mode = permission.mode === 0 ? DEFAULT_MODE : 0o600;
  await using near = await openSpool({ directory: dirname(path), otherwise: context.spoolDirectory, mode });
  await copyContent(placement.spool.file, near.file);
  await near.file.sync();
  await applyPatiently({ ...placement, path: near.path }, context);
  await rename(near.path, path);
  near.release();
}

const SECOND_TRY_MS = 20;

/** Overlay and network file systems may refuse once, right after the file was written. */
async function applyPatiently(
  wanted: { readonly path: string; readonly permission: Permission; readonly accounts: AccountNames },
  context: FileContext,
): Promise<void> {
  const apply = (): Promise<void> => applyPermission(wanted.path, wanted.permission, wanted.accounts);
  try {
    await apply();
  } catch {
    await sleep(context.clock, SECOND_TRY_MS, new AbortController().signal);
    await apply(); // what is wrong now is wrong for good
  }
}

/** A link that leads nowhere is there: writing through it makes what it leads to. */
async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Best effort: not every file system can, and the content itself is safe. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory).catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
