import { lstat, readFile, realpath } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { FaultCode, SandboxId } from '@opensandbox/core/ports';
import type { Clock, Logger, Scope } from '@opensandbox/base';
import { abortable, checkAborted, Fault, isFault, sleep } from '@opensandbox/base';
import type { Engine } from '../../engine/engine.ts';
import { LABEL } from '../../names.ts';
import type { VolumeBackend } from '../backend.ts';
import { formatMountLabel, readHeldPaths } from './holders.ts';
import type { MountHome } from './home.ts';
import { HOME, openHome } from './home.ts';
import { badRoot, parseMountRoot } from './mount-root.ts';
import { hasWholeRoot, isShared, isWithin, readMountTable } from './mount-table.ts';
import { requireProgram } from './mounter.ts';
import { OssMounts } from './mounts.ts';
import type { OssMount } from './oss-mount.ts';
import { parseOssMount } from './oss-mount.ts';

export interface OssfsDeps {
  readonly log: Logger;
  readonly clock: Clock;
  readonly engine: Pick<Engine, 'listContainers'>;
  /** As configured; `undefined` when nothing was. */
  readonly mountRoot: string | undefined;
  /** The `PATH` of this server. */
  readonly searchPath: string | undefined;
  /** Whether the engine runs on another machine than this server. */
  readonly isEngineRemote: boolean;
  /** Whether this server runs in a container: then its mounts reach the engine only through a shared directory. */
  readonly isContained: boolean;
  /** `process.platform` of this server. */
  readonly platform: string;
}

const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** How often what could not be unmounted is tried again. */
const SWEEP_MS = 60_000;

/**
 * Buckets of OSS, mounted on this machine by the `ossfs` programs and bound into sandboxes. What an earlier run left
 * is looked through at once; a server that never sees such a volume makes nothing.
 */
export function openOssfs(deps: OssfsDeps, scope: Scope): VolumeBackend<'ossfs'> {
  const open = createOpening(deps, scope);
  const searchPath = deps.searchPath ?? USUAL_PATH;
  scope.run('ossfs', (signal) => keepTidy(deps, open, signal));
  return {
    async admit(volume, signal) {
      requireSameMachine(deps);
      const mount = parseOssMount(volume);
      const root = parseMountRoot(deps.mountRoot);
      if (deps.isContained) await requireSharedRoot(root);
      requireProgram(mount.version, searchPath);
      const mounts = await open.find(signal);
      await mounts?.check(mount);
    },
    async prepare(volume, { sandboxId, undo }, signal) {
      requireSameMachine(deps);
      const mount = parseOssMount(volume);
      const mounts = await open.make(signal);
      const { path, identity } = await mounts.acquire(mount, sandboxId, signal);
      const forever = new AbortController().signal;
      undo.add('ossfs', () => mounts.release(sandboxId, forever, mount.key));
      const expected = identity && { ...identity, otherwise: notSeen(mount) };
      return { source: path, labels: formatMountLabel([path]), ...(expected && { expected }) };
    },
    async release(id: SandboxId, signal) {
      if (!isSameMachine(deps)) return;
      // What cannot be opened is not held either: whoever opens it later asks the containers, and this one is gone.
      const mounts = await open.find(signal).catch(() => undefined);
      checkAborted(signal);
      await mounts?.release(id, signal);
    },
  };
}

/** A sandbox that got the bare directory would write what never reaches the bucket. */
function notSeen(mount: OssMount): Fault {
  return new Fault(
    'internal',
    'volume.ossfs_failed' satisfies FaultCode,
    `OSS bucket '${mount.key}' did not reach the sandbox: the Docker engine does not see what this server mounts. ` +
      'Run both in one mount namespace, or share storage.ossfs_mount_root between them.',
  );
}

interface Opening {
  /** Opens the mount root, which is made when missing. */
  make(signal: AbortSignal): Promise<OssMounts>;
  /** Opens the mount root if there is anything in it that concerns this server. */
  find(signal: AbortSignal): Promise<OssMounts | undefined>;
}

function createOpening(deps: OssfsDeps, scope: Scope): Opening {
  let mounts: OssMounts | undefined;
  let running: Promise<OssMounts | undefined> | undefined;
  let home: MountHome | undefined;
  scope.own({
    async [Symbol.asyncDispose]() {
      await running?.catch(() => undefined); // told to whoever asked for it
      await home?.[Symbol.asyncDispose]();
    },
  });

  async function open(isMade: boolean): Promise<OssMounts | undefined> {
    if (!isMade && !(await hasMounts(deps.mountRoot))) return undefined;
    const path = parseMountRoot(deps.mountRoot);
    const found = await openHome(path, { isMade, log: deps.log });
    if (found === undefined) return undefined;
    const opened = new OssMounts({
      ...deps,
      home: found,
      searchPath: deps.searchPath ?? USUAL_PATH,
      listHeldPaths: async (signal) =>
        readHeldPaths(await deps.engine.listContainers({ label: [LABEL.ossfsMounts] }, signal)),
    });
    try {
      await opened.restore(scope.signal);
      checkAborted(scope.signal);
    } catch (error) {
      await found[Symbol.asyncDispose]();
      throw error;
    }
    home = found;
    mounts = opened;
    return opened;
  }

  /** One after the other, and not at the caller's mercy: what was begun here serves whoever comes next. */
  async function turn(isMade: boolean, signal: AbortSignal): Promise<OssMounts | undefined> {
    while (mounts === undefined && running !== undefined) {
      await abortable(
        running.catch(() => undefined),
        signal,
      );
    }
    if (mounts !== undefined) return mounts;
    const mine = open(isMade).finally(() => (running = undefined));
    running = mine;
    return abortable(mine, signal);
  }

  return {
    find: (signal) => (deps.mountRoot === undefined ? Promise.resolve(undefined) : turn(false, signal)),
    async make(signal) {
      const made = await turn(true, signal);
      if (made === undefined) throw badRoot(deps.mountRoot ?? '', 'it cannot be made');
      return made;
    },
  };
}

/** Asks the kernel's table and the root itself, and looks into nothing that is mounted. */
async function hasMounts(path: string | undefined): Promise<boolean> {
  if (path === undefined || !isAbsolute(path)) return false; // refused whenever it is asked for
  const real = await realpath(path).catch(() => undefined); // no root, no mounts
  if (real === undefined) return false;
  const home = await lstat(join(real, HOME)).catch(() => undefined);
  if (home !== undefined) return true;
  return [...(await readMountTable())].some((each) => each !== real && isWithin(each, real));
}

/** Says what changed, not that it is still so. */
async function keepTidy(deps: OssfsDeps, open: Opening, signal: AbortSignal): Promise<void> {
  if (!isSameMachine(deps)) return;
  let before: string | undefined;
  for (;;) {
    try {
      const mounts = await open.find(signal);
      await mounts?.sweep(signal);
      before = undefined;
    } catch (error) {
      if (signal.aborted) return;
      const now = isFault(error) ? error.message : String(error);
      if (now !== before) deps.log.warn('ossfs.tidy_failed', { error });
      before = now;
    }
    try {
      await sleep(deps.clock, SWEEP_MS, signal);
    } catch {
      return; // the server ends
    }
  }
}

/** Otherwise the sandbox would get an empty directory, and what it writes would never reach the bucket. */
async function requireSharedRoot(root: string): Promise<void> {
  const real = await realpath(root).catch(() => root); // it may be made later
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  if (hasWholeRoot(table) || isShared(table, real)) return; // machines made from an image look contained
  throw badRoot(
    root,
    'this server runs in a container that does not share it with the host. Mount it from the host, at the same path, with rshared propagation',
  );
}

function isSameMachine({ platform, isEngineRemote }: OssfsDeps): boolean {
  return platform === 'linux' && !isEngineRemote;
}

function requireSameMachine({ platform, isEngineRemote }: OssfsDeps): void {
  const refuse = (why: string): Fault =>
    new Fault(
      'unsupported',
      'parameter.invalid' satisfies FaultCode,
      `OSS volumes are not available: ${why}`,
    );
  if (platform !== 'linux') throw refuse('they need this server to run on Linux.');
  if (isEngineRemote) {
    throw refuse('this server mounts buckets on its own machine, and its Docker engine runs on another one.');
  }
}
