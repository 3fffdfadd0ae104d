import { open, stat } from 'node:fs/promises';
import type { FaultCode, SandboxId } from '@opensandbox/core/ports';
import type { Logger } from '@opensandbox/base';
import { abortable, Fault, isFault } from '@opensandbox/base';
import type { FileIdentity, Preparation } from './backend.ts';
import { errnoOf } from './host-errors.ts';
import type { Place } from './host-walk.ts';
import { O_PATH } from './host-walk.ts';
import { bindMount, unmount } from './pin-mount.ts';
import type { PinRun } from './pin-run.ts';
import { openPinRun, removeLeftovers } from './pin-run.ts';
import type { SightContext } from './pin-sight.ts';
import { lookFromEngine } from './pin-sight.ts';

/** What the engine is told to mount, for a place that is held open. */
export interface Source {
  readonly source: string;
  /** Present when the engine resolves a path that could be exchanged: what must turn out to be mounted. */
  readonly expected?: FileIdentity;
}

/**
 * The engine mounts by path, at the start, as root. A path below an allowed directory can be exchanged until then
 * by a sandbox that may write there. A pin is a mount of the place itself under a path that only root can change.
 */
export interface Pins extends AsyncDisposable {
  source(place: Place, preparation: Preparation, signal: AbortSignal): Promise<Source>;
  /** Removes what killed servers left. */
  clearLeftovers(): Promise<void>;
  /** Removes the pins of a sandbox that could not be removed when its create ended. */
  release(id: SandboxId): Promise<void>;
}

export interface PinDeps extends SightContext {
  readonly log: Logger;
  /** Directory for pins. Its parent and itself must be root's alone. */
  readonly root: string;
  /** Ends with the driver. */
  readonly life: AbortSignal;
}

type Way = { readonly kind: 'pin'; readonly run: PinRun } | { readonly kind: 'path' };

/** Of files, processes, memory or space. */
const SCARCITY: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'ENOSPC', 'EDQUOT']);

function notNow(cause: unknown): Fault {
  const message = 'Host paths cannot be mounted now: the machine of this server is short of resources.';
  return new Fault('unavailable', 'volume.host_path_failed' satisfies FaultCode, message, { cause });
}

/** Finds out at its first use whether pins work here. */
export function createPins(deps: PinDeps): Pins {
  const proven = new Map<string, Promise<void>>();
  let run: PinRun | undefined;
  let way: Promise<Way> | undefined;

  async function decide(image: string): Promise<Way> {
    try {
      if (!canMount()) throw new Error('the server does not run as root');
      run ??= await openPinRun(deps.root);
      await tryPin(deps, { run, image });
      return { kind: 'pin', run };
    } catch (error) {
      // An engine that is away says nothing about pins.
      if (isFault(error)) throw error;
      // Neither does a machine that is short of something, and what is decided here holds as long as the server runs.
      if (SCARCITY.has(errnoOf(error) ?? '')) throw notNow(error);
      deps.log.warn('volume.paths_not_pinned', {
        reason: error instanceof Error ? error.message : String(error),
        effect: 'A sandbox that may write below an allowed directory can race with the mounts of another.',
      });
      return { kind: 'path' };
    }
  }

  return {
    async source(place, preparation, signal) {
      const { image } = preparation;
      way ??= decide(image).catch((error: unknown) => {
        way = undefined;
        throw error;
      });
      const chosen = await abortable(way, signal);
      if (chosen.kind === 'pin') return pin(chosen.run, place, preparation);
      const proof = proven.get(place.root) ?? prove(deps, { root: place.root, image });
      proven.set(place.root, proof);
      proof.catch(() => proven.delete(place.root));
      await abortable(proof, signal);
      return await plainSource(place);
    },
    clearLeftovers: () => (canMount() ? removeLeftovers(deps.root, deps.log) : Promise.resolve()),
    async release(id) {
      // One that is stuck goes with this run of the server, and keeps no sandbox from being deleted.
      const report = (error: unknown): void => deps.log.error('volume.pins_stuck', { sandboxId: id, error });
      await run?.clear(id).catch(report);
    },
    async [Symbol.asyncDispose]() {
      await run?.clear();
    },
  };
}

function canMount(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

async function pin(run: PinRun, place: Place, { sandboxId, transient }: Preparation): Promise<Source> {
  let target: string | undefined;
  transient.add('pin', async () => {
    if (target === undefined) return run.clear(sandboxId);
    await unmount(target);
    await run.dropTarget(target);
  });
  try {
    const made = await run.makeTarget(sandboxId, place.kind);
    await bindMount(place.handle.fd, made);
    target = made;
    const [wanted, got] = await Promise.all([identify(place), stat(made, { bigint: true })]);
    if (wanted.dev !== got.dev || wanted.ino !== got.ino) throw new Error('something else was mounted');
    return { source: made };
  } catch (error) {
    throw new Fault(
      'internal',
      'volume.host_path_failed' satisfies FaultCode,
      `Host path '${place.path}' cannot be mounted for the engine.`,
      { cause: error },
    );
  }
}

/** Pins a directory and finds out whether the engine sees what is below the pin. */
async function tryPin(deps: PinDeps, { run, image }: { run: PinRun; image: string }): Promise<void> {
  const original = await run.makeTarget('probe', 'directory');
  const target = await run.makeTarget('probe', 'directory');
  const handle = await open(original, O_PATH);
  try {
    await bindMount(handle.fd, target);
    try {
      const sight = await lookFromEngine(deps, { directory: target, image }, deps.life);
      if (sight !== 'seen') throw new Error(`the engine does not see the mounts of this server (${sight})`);
    } finally {
      await unmount(target);
    }
  } finally {
    await handle.close();
    await run.clear('probe');
  }
}

/** Without pins the engine resolves the path by itself: it has to be the same path of the same file system. */
async function prove(deps: PinDeps, { root, image }: { root: string; image: string }): Promise<void> {
  let sight: string;
  try {
    sight = await lookFromEngine(deps, { directory: root, image }, deps.life);
  } catch (error) {
    if (isFault(error)) throw error;
    sight = error instanceof Error ? error.message : String(error);
  }
  if (sight === 'seen') return;
  throw new Fault(
    'invalid',
    'volume.host_path_failed' satisfies FaultCode,
    `Nothing below '${root}' can be mounted: the Docker engine does not see the same directory there (${sight}). ` +
      'Run the server on the host of the engine, or mount the directory into the container of the server under the same path.',
  );
}

async function plainSource(place: Place): Promise<Source> {
  if (!place.path.includes(':')) return { source: place.path, expected: await identify(place) };
  throw new Fault(
    'invalid',
    'volume.host_path' satisfies FaultCode,
    `Host path '${place.path}' must not contain a colon.`,
  );
}

async function identify(place: Place): Promise<FileIdentity> {
  const { dev, ino } = await place.handle.stat({ bigint: true });
  return { dev, ino };
}
