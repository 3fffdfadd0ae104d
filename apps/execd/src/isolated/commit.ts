import {
  chmod,
  chown,
  copyFile,
  lstat,
  mkdir,
  readlink,
  rename,
  rm,
  symlink,
  utimes,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { agentFault } from '../error-envelope.ts';
import { listChanges } from './changes.ts';
import type { Change } from './changes.ts';
import { requireOverlay } from './diff.ts';
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
        await apply(change, join(upper, change.path), join(workspace, change.path));
        committed += 1;
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw agentFault('internal', 'RUNTIME_ERROR', `error committing session. ${reason}`);
  }
  return { committed, removed_kept: kept.slice(0, MOST_NAMED) };
}

/** What is in the way and of another kind makes room. A file is complete when it appears. */
async function apply(change: Change, from: string, to: string): Promise<void> {
  const { stats, kind } = change;
  const there = await lstat(to).catch(() => undefined); // nothing there
  if (kind === 'directory') {
    if (there !== undefined && !there.isDirectory()) await rm(to);
    await mkdir(to, { recursive: true });
    await chown(to, stats.uid, stats.gid);
    await chmod(to, stats.mode & 0o7777);
    return;
  }
  if (there?.isDirectory() === true) await rm(to, { recursive: true });
  const fresh = join(dirname(to), `.opensandbox-commit-${process.pid}`);
  await rm(fresh, { force: true });
  if (kind === 'link') await symlink(await readlink(from), fresh);
  else {
    await copyFile(from, fresh);
    await chown(fresh, stats.uid, stats.gid);
    await chmod(fresh, stats.mode & 0o7777);
    await utimes(fresh, stats.atime, stats.mtime);
  }
  await rename(fresh, to);
}
