import { posix } from 'node:path';
import type { FaultCode } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import { LABEL } from '../names.ts';
import type { PreparedVolume, VolumeBackend, VolumeOf } from './backend.ts';
import { hostFence, notAllowed } from './host-fence.ts';
import { namesBelow, pathFlaw, splitPath } from './host-path.ts';
import type { Fence, Place } from './host-walk.ts';
import { walkTo } from './host-walk.ts';
import type { Pins } from './pins.ts';

export interface HostDeps {
  /** Directories that requests may mount, themselves and what lies below them. */
  readonly prefixes: readonly string[];
  /** Why no path of the engine's host can be mounted at all. */
  readonly obstacle: string | undefined;
  readonly pins: Pick<Pins, 'source' | 'release'>;
}

/** Directories and files of the host. */
export function createHostVolumes(given: HostDeps): VolumeBackend<'host'> {
  // A blank prefix would mean the root, and so the whole host: only who writes `/` gets that.
  const deps = { ...given, prefixes: given.prefixes.filter((prefix) => prefix.startsWith('/')) };
  return {
    async admit(volume, signal) {
      if (deps.obstacle !== undefined)
        throw refused(`Volume '${volume.name}' cannot mount a host path: ${deps.obstacle}.`);
      const path = readPath(deps.prefixes, volume);
      const place = await walkTo({ fence: await fenceOf(deps, volume), make: false, signal }, path);
      await place?.[Symbol.asyncDispose]();
    },
    async prepare(volume, preparation, signal): Promise<PreparedVolume> {
      const fence = await fenceOf(deps, volume);
      await using place = await open(fence, readPath(deps.prefixes, volume), signal);
      const made = await deps.pins.source(place, preparation, signal);
      return {
        ...made,
        labels: { [LABEL.hostPaths]: JSON.stringify([`${place.path}:${volume.mountPath}`]) },
      };
    },
    release: (id) => deps.pins.release(id),
  };
}

function fenceOf(deps: HostDeps, volume: VolumeOf<'host'>): Promise<Fence> {
  return hostFence(deps.prefixes, posix.join(volume.source.path, volume.subPath ?? ''));
}

async function open(fence: Fence, path: string, signal: AbortSignal): Promise<Place> {
  const place = await walkTo({ fence, make: true, signal }, path);
  if (place === undefined) throw fence.failed(path, 'is not there');
  return place;
}

/** The path with its subPath, checked by its text alone. */
function readPath(prefixes: readonly string[], { name, subPath, source }: VolumeOf<'host'>): string {
  if (!source.path.startsWith('/')) {
    throw hostPath(
      `Host path '${source.path}' of volume '${name}' is no path of a Linux host. It begins with '/'.`,
    );
  }
  const path = posix.join(source.path, subPath ?? '');
  const flaw = pathFlaw(path);
  if (flaw !== undefined) throw hostPath(`The host path of volume '${name}' ${flaw}.`);
  if (splitPath(`${source.path}/${subPath ?? ''}`).includes('..')) {
    throw hostPath(`Host path '${source.path}' contains path traversal component '..'.`);
  }
  if (!prefixes.some((prefix) => namesBelow(path, prefix) !== undefined))
    throw notAllowed(path, path, prefixes);
  return path;
}

function hostPath(message: string): Fault {
  return new Fault('invalid', 'volume.host_path' satisfies FaultCode, message);
}

function refused(message: string): Fault {
  return new Fault('invalid', 'parameter.invalid' satisfies FaultCode, message);
}
