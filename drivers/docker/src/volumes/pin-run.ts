import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, rmdir, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from '@opensandbox/base';
import { errnoOf } from './host-errors.ts';
import { unmountLeftover } from './pin-mount.ts';

/**
 * The directory of one run of a server, for its pins. Its name says which process it belongs to, so that what a
 * killed server left can be told from what a living one uses: `<pid namespace>-<pid>-<start time>-<random>`.
 */
export interface PinRun {
  readonly path: string;
  /** A new, empty file or directory to mount on. */
  makeTarget(owner: string, kind: 'directory' | 'file'): Promise<string>;
  /** After it is unmounted. */
  dropTarget(target: string): Promise<void>;
  /** Unmounts and removes what is there for `owner`, or all. */
  clear(owner?: string): Promise<void>;
}

/** Rejects when the directory cannot be had, or is not safe: whoever writes there could exchange a pin. */
export async function openPinRun(root: string): Promise<PinRun> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  await checkOwn(dirname(root), 0o022);
  await checkOwn(root, 0o077);
  const path = join(root, `${await processName('self')}-${randomBytes(4).toString('hex')}`);
  await mkdir(path, { mode: 0o700 });
  let last = 0;
  return {
    path,
    async makeTarget(owner, kind) {
      const directory = join(path, ownerName(owner));
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const target = join(directory, String((last += 1)));
      if (kind === 'directory') await mkdir(target, { mode: 0o700 });
      else await writeFile(target, '', { mode: 0o600, flag: 'wx' });
      return target;
    },
    async dropTarget(target) {
      await removePlain(target);
      await rmdir(dirname(target)).catch(() => undefined); // another pin of the same sandbox may still be there
    },
    clear: (owner) => removeMounts(owner === undefined ? path : join(path, ownerName(owner))),
  };
}

/** Removes what servers left that no longer run. */
export async function removeLeftovers(root: string, log: Logger): Promise<void> {
  const [own = ''] = (await processName('self')).split('-');
  for (const name of await readdir(root).catch(() => [])) {
    const [namespace, pid = ''] = name.split('-');
    // Of another container's processes nothing can be known from here.
    if (namespace !== own || !/^\d+$/.test(pid)) continue;
    if (name.startsWith(`${await processName(pid).catch(() => 'gone')}-`)) continue;
    try {
      await removeMounts(join(root, name));
      log.info('volume.pins_cleared', { run: name });
    } catch (error) {
      log.error('volume.pins_stuck', { run: name, error });
    }
  }
}

/** A pid alone may be somebody else's by now; together with its start it is not. */
async function processName(pid: string): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const number = stat.slice(0, stat.indexOf(' '));
  const namespace = /\d+/.exec(await readlink('/proc/self/ns/pid'))?.[0] ?? '0';
  return `${namespace}-${number}-${fields[19] ?? '0'}`;
}

async function checkOwn(path: string, forbidden: number): Promise<void> {
  const stat = await lstat(path);
  if (!stat.isDirectory() || stat.uid !== 0 || (stat.mode & forbidden) !== 0) {
    throw new Error(`${path} must be a directory of root that nobody else may write to`);
  }
}

/** An id from elsewhere may hold anything. */
function ownerName(owner: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(owner)
    ? owner
    : Buffer.from(owner).toString('hex').slice(0, 200);
}

/** Step by step and never recursively: what is still mounted must not be emptied by removing the mount point. */
async function removeMounts(directory: string): Promise<void> {
  if ((await lstat(directory).catch(() => undefined)) === undefined) return;
  for (const target of await mountsBelow(directory)) await unmountLeftover(target);
  await removePlain(directory, 2);
}

/** The pins only; what is mounted below a pin goes with it. */
async function mountsBelow(directory: string): Promise<readonly string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const points = lines.map((line) => line.split(' ')[4] ?? '').filter((at) => at.startsWith(`${directory}/`));
  return points.filter((at) => !points.some((other) => at.startsWith(`${other}/`)));
}

async function removePlain(path: string, depth = 0): Promise<void> {
  try {
    if (!(await lstat(path)).isDirectory()) {
      await unlink(path);
      return;
    }
    const names = depth === 0 ? [] : await readdir(path);
    for (const name of names) await removePlain(join(path, name), depth - 1);
    await rmdir(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
