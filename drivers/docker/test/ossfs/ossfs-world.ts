import { setMaxListeners } from 'node:events';
import { access, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { SandboxId } from '@opensandbox/core/ports';
import { openScope, Secret, systemClock, UndoStack } from '@opensandbox/base';
import { captureLog } from '@opensandbox/testkit';
import type { LogCapture } from '@opensandbox/testkit';
import type { VolumeBackend, VolumeOf } from '../../src/volumes/backend.ts';
import { openOssfs } from '../../src/volumes/ossfs/ossfs.ts';
import type { OssfsDeps } from '../../src/volumes/ossfs/ossfs.ts';
import type { ContainerSummary } from '../../src/engine/answers.ts';
import { clearAway, makeStandIn, mountsBelow } from './stand-in.ts';
import type { StandIn } from './stand-in.ts';

export const never = new AbortController().signal;
setMaxListeners(0, never); // many wait with it at once

export interface OssWish {
  readonly bucket?: string;
  readonly subPath?: string;
  readonly name?: string;
  readonly endpoint?: string;
  readonly version?: '1.0' | '2.0';
  readonly options?: readonly string[];
  readonly accessKeyId?: string;
  readonly secret?: string;
}

export function ossVolume(wish: OssWish = {}): VolumeOf<'ossfs'> {
  const { bucket = 'bucket-one', endpoint = 'oss.example.com', version = '2.0', options = [] } = wish;
  const accessKeySecret = new Secret(wish.secret ?? 'Secret0123456789');
  const credentials = { accessKeyId: wish.accessKeyId ?? 'LTAI0123', accessKeySecret };
  return {
    name: wish.name ?? 'data',
    mountPath: '/data',
    readOnly: false,
    subPath: wish.subPath,
    source: { kind: 'ossfs', bucket, endpoint, version, options, credentials },
  };
}

/** One run of a server, as far as its OSS volumes go. */
export interface Life extends AsyncDisposable {
  readonly backend: VolumeBackend<'ossfs'>;
  readonly log: LogCapture;
  /** Prepares and keeps, as a create does that succeeds. */
  prepare(id: SandboxId, wish?: OssWish, signal?: AbortSignal): Promise<Prepared>;
}

export interface Prepared {
  readonly path: string;
  readonly label: string | undefined;
  /** As a create does that fails afterwards. */
  undo(): Promise<void>;
}

export interface OssWorld extends AsyncDisposable {
  readonly directory: string;
  readonly root: string;
  readonly standIn: StandIn;
  /** What the engine lists: containers that hold mounts. */
  containers: ContainerSummary[];
  live(change?: Partial<OssfsDeps>): Life;
  mounts(): Promise<readonly string[]>;
  /** Everything below the mount root that is not the backend's own. */
  directories(): Promise<readonly string[]>;
  /** Files that may hold credentials. */
  privateFiles(): Promise<readonly string[]>;
  journal(): Promise<readonly string[]>;
}

export async function openOssWorld(): Promise<OssWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'opensandbox-ossfs-'));
  const root = join(directory, 'mnt');
  const standIn = await makeStandIn(directory);
  const list = (...names: readonly string[]): Promise<string[]> =>
    readdir(join(root, '.opensandbox', ...names)).catch(() => []);
  const world: OssWorld = {
    directory,
    root,
    standIn,
    containers: [],
    live: (change = {}) => live(world, change),
    mounts: () => mountsBelow(root),
    async directories() {
      const names = await readdir(root, { recursive: true }).catch(() => []);
      const apart = (await list('apart')).map((name) => `apart/${name}`);
      return [...names.filter((name) => !name.startsWith('.opensandbox')), ...apart].sort();
    },
    privateFiles: () => list('files'),
    journal: () => list('mounts'),
    [Symbol.asyncDispose]: () => clearAway(directory),
  };
  return world;
}

function live(world: OssWorld, change: Partial<OssfsDeps>): Life {
  const log = captureLog();
  const scope = openScope(log);
  const deps: OssfsDeps = {
    log,
    clock: systemClock(),
    engine: { listContainers: async () => world.containers },
    mountRoot: world.root,
    searchPath: world.standIn.path,
    isEngineRemote: false,
    isContained: false,
    platform: 'linux',
    ...change,
  };
  const backend = openOssfs(deps, scope);
  return {
    backend,
    log,
    async prepare(sandboxId, wish = {}, signal = never) {
      const undo = new UndoStack((step, error) => log.error('undo_failed', { step, error }));
      const transient = new UndoStack(() => undefined);
      const made = await backend.prepare(ossVolume(wish), { sandboxId, image: '', undo, transient }, signal);
      return {
        path: made.source,
        label: made.labels?.['opensandbox.io/ossfs-mounts'],
        undo: () => undo[Symbol.asyncDispose](),
      };
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}

/** As the engine lists a container that holds mounts. */
export function holdingContainer(id: SandboxId, paths: readonly string[]): ContainerSummary {
  const labels = { 'opensandbox.io/id': id, 'opensandbox.io/ossfs-mounts': JSON.stringify(paths) };
  return { Id: `container-${id}`, Created: 1, State: 'running', Labels: labels };
}

export async function until(what: string, isSo: () => Promise<boolean>, limitMs = 15_000): Promise<void> {
  const latest = Date.now() + limitMs;
  while (!(await isSo())) {
    if (Date.now() > latest) throw new Error(`it did not come true: ${what}`);
    await wait(20);
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
