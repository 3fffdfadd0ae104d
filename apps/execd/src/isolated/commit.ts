import { randomUUID } from 'node:crypto';
import { copyFile, lstat, mkdir, open, readlink, rename, rm, symlink } from 'node:fs/promises';
import { agentFault } from '../error-envelope.ts';
import { listChanges } from './changes.ts';
import type { Change } from './changes.ts';
import { requireOverlay } from './diff.ts';
import { holdBelow, holdDirectory, holdFile, pathOf, placeIn } from './held-files.ts';
import type { IsolatedSession } from './isolated-sessions.ts';

export interface Committed {
  readonly committed: number;
  /** What the session removed. It stays in the workspace: a commit only adds and overwrites. */
  readonly removed_kept: readonly string[];
}

const MOST_NAMED = 1000;

/** Writes what the session changed into the workspace itself. The session goes on as it was. */
export async function commitSession(session: IsolatedSession): Promise<Committed> {
  requireOverlay(session);
  const { upper } = session.place;
  const { path: workspace } = session.spec.workspace;
  const kept: string[] = [];
  let committed = 0;
  try {
    for await (const change of listChanges(upper)) {
      if (change.kind === 'removed') kept.push(change.path);
      else {
        await apply(change, workspace);
        committed += 1;
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw agentFault('internal', 'RUNTIME_ERROR', `error committing session. ${reason}`);
  }
  return { committed, removed_kept: kept.slice(0, MOST_NAMED) };
}

async function apply(change: Change, workspace: string): Promise<void> {
  const names = change.path.split('/');
  const name = names.pop() ?? '';
  const directory = await holdBelow(workspace, names);
  try {
    const to = placeIn(directory, name);
    if (change.kind === 'directory') await applyDirectory(change, to);
    else await applyFile(change, to, placeIn(directory, `.opensandbox-commit-${randomUUID()}`));
  } finally {
    await directory.close();
  }
}

/** What is in the way and of another kind makes room. */
async function applyDirectory({ stats }: Change, to: string): Promise<void> {
  const there = await lstat(to).catch(() => undefined); // nothing there
  if (there !== undefined && !there.isDirectory()) await rm(to);
  await mkdir(to, { recursive: true });
  const made = await holdDirectory(to);
  try {
    await made.chown(stats.uid, stats.gid);
    await made.chmod(stats.mode & 0o7777);
  } finally {
    await made.close();
  }
}

/** Something complete takes the place of what is there. Two commits at once have each a fresh name. */
async function applyFile(change: Change, to: string, fresh: string): Promise<void> {
  try {
    if (change.kind === 'link') await symlink(await readlink(change.place), fresh);
    else if (!(await copyTo(change.place, fresh))) return;
    const there = await lstat(to).catch(() => undefined); // nothing there
    if (there?.isDirectory() === true) await rm(to, { recursive: true });
    await rename(fresh, to);
  } finally {
    await rm(fresh, { force: true });
  }
}

/** False when there is no such file any more. */
async function copyTo(from: string, fresh: string): Promise<boolean> {
  const source = await holdFile(from);
  if (source === undefined) return false;
  try {
    const stats = await source.stat();
    const target = await open(fresh, 'wx', 0o600);
    try {
      await copyFile(pathOf(source), pathOf(target));
      await target.chown(stats.uid, stats.gid);
      await target.chmod(stats.mode & 0o7777);
      await target.utimes(stats.atime, stats.mtime);
    } finally {
      await target.close();
    }
    return true;
  } finally {
    await source.close();
  }
}
