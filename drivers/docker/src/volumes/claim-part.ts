import { access, realpath } from 'node:fs/promises';
import { posix } from 'node:path';
import type { FaultCode } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import type { VolumeSummary } from '../engine/answers.ts';
import type { Labels } from '../labels.ts';
import type { PreparedVolume, Preparation, VolumeOf } from './backend.ts';
import { pathFlaw, splitPath } from './host-path.ts';
import type { Fence } from './host-walk.ts';
import { walkTo } from './host-walk.ts';
import type { Pins } from './pins.ts';

/** A claim of which only a directory is wanted. */
export type Part = VolumeOf<'claim'> & { readonly subPath: string };

export function isPart(volume: VolumeOf<'claim'>): volume is Part {
  return volume.subPath !== undefined;
}

/**
 * To the engine a part of a volume is just a path: it does not know that the volume is in use. This label of the
 * container says it.
 */
export function partLabel(claimName: string): string {
  return `opensandbox.io/part-of.${claimName}`;
}

/** Refuses a part that cannot be mounted whatever the volume is. */
export function checkPart(part: Part, obstacle: string | undefined): void {
  const { name, subPath } = part;
  if (obstacle !== undefined) throw unsupported(part, obstacle);
  const flaw = splitPath(subPath).includes('..') ? "must not contain '..'" : pathFlaw(subPath);
  if (flaw === undefined && !subPath.startsWith('/')) return;
  const why = flaw ?? 'must be a relative path, not absolute';
  throw new Fault(
    'invalid',
    'volume.sub_path' satisfies FaultCode,
    `The subPath of volume '${name}' ${why}.`,
  );
}

/** Refuses volumes whose files are not lying at a place that this server sees too. */
export async function checkPartOf(part: Part, found: VolumeSummary): Promise<string> {
  const { Driver: driver = '', Mountpoint: mountpoint = '', Options: options } = found;
  if (driver !== 'local') throw unsupported(part, `its driver is '${driver}'`);
  if (mountpoint === '') throw unsupported(part, 'it has no mount point');
  // The engine mounts such a volume there only while a container uses it.
  if (Object.keys(options ?? {}).some((key) => key === 'device' || key === 'type' || key === 'o')) {
    throw unsupported(part, 'it is mounted from elsewhere (driver options)');
  }
  await access(mountpoint).catch(() => {
    throw unsupported(part, 'this server does not see its files');
  });
  return mountpoint;
}

/** Walks to the part, making directories as needed. Links that lead out of the volume are refused. */
export async function openPart(
  task: { readonly part: Part; readonly mountpoint: string; readonly pins: Pick<Pins, 'source'> },
  preparation: Preparation,
  signal: AbortSignal,
): Promise<PreparedVolume> {
  const { part, mountpoint, pins } = task;
  const fence = await partFence(part, mountpoint);
  const path = posix.join(mountpoint, part.subPath);
  await using place = await walkTo({ fence, make: true, signal }, path);
  if (place === undefined) throw fence.failed(path, 'is not there');
  const labels: Labels = { [partLabel(part.source.claimName)]: part.subPath };
  return { ...(await pins.source(place, preparation, signal)), labels };
}

async function partFence(part: Part, mountpoint: string): Promise<Fence> {
  const { subPath, source } = part;
  const refuse = (why: string): Fault =>
    new Fault(
      'invalid',
      'volume.sub_path' satisfies FaultCode,
      `SubPath '${subPath}' of volume '${source.claimName}' ${why}.`,
    );
  return {
    roots: [{ path: mountpoint, real: await realpath(mountpoint).catch(() => mountpoint) }],
    outside: () => refuse('leads out of the volume'),
    failed: (_at, why) => refuse(why),
  };
}

function unsupported({ source, subPath }: Part, why: string): Fault {
  return new Fault(
    'invalid',
    'volume.sub_path_unsupported' satisfies FaultCode,
    `SubPath '${subPath}' of volume '${source.claimName}' cannot be mounted: ${why}. ` +
      "A subPath needs a volume of driver 'local' on the machine of this server.",
  );
}
