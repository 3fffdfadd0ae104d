import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readlink, realpath } from 'node:fs/promises';
import { constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkAborted } from '@opensandbox/base';
import { errnoOf } from './host-errors.ts';
import { followLink, namesBelow, splitPath } from './host-path.ts';

/*
 * Somebody who may write below an allowed directory can exchange any name below it for a symbolic link while a
 * path is being resolved, and again before it is used. So nothing is resolved twice: each name is opened through
 * the descriptor of the directory above it, links are never followed by the kernel, and the end of the walk is
 * the descriptor, not the path.
 */

/** Not among Node's constants; the value on all architectures that Node runs on. */
export const O_PATH = 0o10000000;
const PLACE = O_PATH | constants.O_NOFOLLOW;
/** As many links as the kernel would follow. */
const MOST_LINKS = 40;
/** A name may vanish between two looks at it; one that keeps vanishing is somebody's doing. */
const MOST_ATTEMPTS = 20;

/** The directories below which a walk has to stay. */
export interface Fence {
  /** As configured, and without symbolic links. */
  readonly roots: readonly { readonly path: string; readonly real: string }[];
  /** The refusal of a path that leads out. */
  readonly outside: (path: string) => Error;
  readonly failed: (path: string, why: string) => Error;
}

/** An open place. The descriptor keeps meaning the same directory or file, whatever becomes of its path. */
export interface Place extends AsyncDisposable {
  readonly handle: FileHandle;
  readonly kind: 'directory' | 'file';
  /** Where it was found; free of symbolic links at that moment. */
  readonly path: string;
  /** The allowed directory that it was found below. */
  readonly root: string;
}

interface Walk {
  readonly fence: Fence;
  /** Whether missing directories are made. */
  readonly make: boolean;
  readonly signal: AbortSignal;
}

/** Walks to `path`. `undefined`: it is not there, and was not to be made. */
export async function walkTo(walk: Walk, path: string): Promise<Place | undefined> {
  let wanted = path;
  for (let links = 0; links <= MOST_LINKS; links += 1) {
    const start = await findStart(walk.fence, wanted);
    const end = await walkOnce(walk, start);
    if (end === undefined || typeof end !== 'string') return end;
    wanted = end;
  }
  throw walk.fence.failed(path, 'leads through too many symbolic links');
}

interface Start {
  readonly root: string;
  readonly names: readonly string[];
}

/** A path that only seems to lead out may come back in through links outside. The walk then goes by what they mean. */
async function findStart(fence: Fence, path: string): Promise<Start> {
  const direct = startBelow(fence, path);
  if (direct !== undefined) return direct;
  const meant = await realDeep(path);
  const indirect = startBelow(fence, meant);
  if (indirect === undefined) throw fence.outside(meant);
  return indirect;
}

function startBelow(fence: Fence, path: string): Start | undefined {
  for (const { path: configured, real } of fence.roots) {
    const names = namesBelow(path, configured) ?? namesBelow(path, real);
    if (names !== undefined) return { root: real, names };
  }
  return undefined;
}

/** The real path of what is there of `path`, and the rest. */
async function realDeep(path: string): Promise<string> {
  const rest: string[] = [];
  for (let names = splitPath(path); names.length > 0; names = names.slice(0, -1)) {
    const real = await realpath(`/${names.join('/')}`).catch(() => undefined); // absent, or a loop: one name up
    if (real !== undefined) return join(real, ...rest);
    rest.unshift(names.at(-1) ?? '');
  }
  return path;
}

/** The place, nothing, or the path to go on with after a symbolic link. */
async function walkOnce(walk: Walk, { root, names }: Start): Promise<Place | string | undefined> {
  let here = await openRoot(walk, root);
  if (here === undefined) return undefined;
  let path = root;
  let isKept = false;
  try {
    for (const [index, name] of names.entries()) {
      if (here.kind === 'file') throw walk.fence.failed(path, 'is a file, not a directory');
      path = join(path, name);
      const next: Step | string | undefined = await step(walk, here.handle, { name, path });
      if (next === undefined) return undefined;
      if (typeof next === 'string') return join(followLink(dirname(path), next), ...names.slice(index + 1));
      await here.handle.close();
      here = next;
    }
    const { handle, kind } = here;
    isKept = true;
    return { handle, kind, path, root, [Symbol.asyncDispose]: () => handle.close() };
  } finally {
    if (!isKept) await here.handle.close();
  }
}

/** The path of an allowed directory belongs to who configured it: nobody else can exchange a part of it. */
async function openRoot(walk: Walk, root: string): Promise<Step | undefined> {
  try {
    if (walk.make) await mkdir(root, { recursive: true }).catch(ignoreExisting);
    const handle = await open(root, PLACE);
    return { handle, kind: (await handle.stat()).isDirectory() ? 'directory' : 'file' };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    if (!walk.make && errno === 'ENOENT') return undefined;
    throw walk.fence.failed(root, `cannot be opened (${errno})`);
  }
}

interface Step {
  readonly handle: FileHandle;
  readonly kind: Place['kind'];
}

/** One name further: what it is, the text of a symbolic link, or nothing. */
async function step(
  walk: Walk,
  here: FileHandle,
  { name, path }: { readonly name: string; readonly path: string },
): Promise<Step | string | undefined> {
  const at = `/proc/self/fd/${here.fd}/${name}`;
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    checkAborted(walk.signal);
    try {
      const handle = await open(at, PLACE);
      const found = await look(handle);
      if (found === 'file' || found === 'directory') return { handle, kind: found };
      await handle.close();
      if (found === 'other') throw walk.fence.failed(path, 'is neither a directory nor a regular file');
      return await readlink(at);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      const isExchanged = errno === 'EINVAL'; // what was a link a moment ago no longer is one
      if (errno !== 'ENOENT' && !isExchanged) throw walk.fence.failed(path, `cannot be opened (${errno})`);
      if (errno === 'ENOENT' && !walk.make) return undefined;
      if (errno === 'ENOENT') await make(walk, at, path);
    }
  }
  throw walk.fence.failed(path, 'keeps changing');
}

async function look(handle: FileHandle): Promise<Place['kind'] | 'link' | 'other'> {
  const stat = await handle.stat();
  if (stat.isDirectory()) return 'directory';
  if (stat.isFile()) return 'file';
  return stat.isSymbolicLink() ? 'link' : 'other';
}

async function make(walk: Walk, at: string, path: string): Promise<void> {
  try {
    await mkdir(at).catch(ignoreExisting);
  } catch (error) {
    throw walk.fence.failed(path, `cannot be made (${errnoOf(error) ?? 'unknown'})`);
  }
}

function ignoreExisting(error: unknown): void {
  if (errnoOf(error) !== 'EEXIST') throw error;
}
