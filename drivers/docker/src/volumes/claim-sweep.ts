import type { FaultCode } from '@opensandbox/core/ports';
import { isFault } from '@opensandbox/base';
import { orAbsent } from '../faults.ts';
import type { VolumeSummary } from '../engine/answers.ts';
import { isMine, readLabel } from '../labels.ts';
import { LABEL } from '../names.ts';
import { readRfc3339 } from '../rfc3339.ts';
import type { ClaimContext } from './claim-context.ts';
import { partLabel } from './claim-part.ts';

/** A volume is older than its sandbox's container; another server may just be between the two. */
const YOUNG_MS = 600_000;

/** Removes volumes of sandboxes that are gone: they were in use when their sandbox went, or a server was killed. */
export async function sweepVolumes(
  context: ClaimContext,
  kept: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { engine, log } = context;
  const unused = await engine.listVolumes({ label: [LABEL.owner], dangling: ['true'] }, signal);
  const removed: string[] = [];
  for (const volume of unused) {
    const { Name: name } = volume;
    // Alone with the volume: a create that comes meanwhile finds it after this, or makes it anew.
    const task = async (): Promise<void> => {
      if (!(await isForsaken(context, { volume, isKept: kept.has(name) }, signal))) return;
      if (!(await tryRemove(context, name, signal))) return;
      removed.push(name);
      log.info('volume.swept', { volume: name });
    };
    await context.locks.run(name, task, signal);
  }
  return removed;
}

async function isForsaken(
  context: ClaimContext,
  { volume, isKept }: { readonly volume: VolumeSummary; readonly isKept: boolean },
  signal: AbortSignal,
): Promise<boolean> {
  const labels = volume.Labels ?? {};
  const owner = readLabel(labels, LABEL.owner);
  if (owner === undefined || !isMine(labels, context.instance) || context.users.has(volume.Name))
    return false;
  const madeAt = readRfc3339(volume.CreatedAt ?? '');
  if (!isKept && (madeAt === undefined || context.clock.now() - madeAt < YOUNG_MS)) return false;
  const holders = await context.engine.listContainers({ label: [`${LABEL.id}=${owner}`] }, signal);
  return holders.length === 0 && !(await isUsedInPart(context, volume.Name, signal));
}

export async function isUsedInPart(
  { engine }: Pick<ClaimContext, 'engine'>,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  const label = partLabel(name);
  const found = await engine.listContainers({ label: [label] }, signal);
  // A sandbox restored from a snapshot may have inherited it, emptied.
  return found.some(({ Labels: labels }) => readLabel(labels ?? {}, label) !== undefined);
}

/** Whether a volume still says that a server may remove it. */
export async function isManaged(
  { engine }: Pick<ClaimContext, 'engine'>,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await orAbsent(engine.inspectVolume(name, signal));
  return readLabel(found?.Labels ?? {}, LABEL.volumeManagedBy) === 'server';
}

/**
 * Removes a volume that nobody is known to want. False: it stays, and the log says why. What the engine will not remove
 * now must hinder neither the removal of its sandbox nor that of other volumes.
 */
export async function tryRemove(
  { engine, log }: Pick<ClaimContext, 'engine' | 'log'>,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await engine.removeVolume(name, signal);
    return true;
  } catch (error) {
    if (isFault(error, 'not_found')) return true;
    const isRefused = isFault(error) && error.code === ('engine.failed' satisfies FaultCode);
    if (!isRefused || error.kind === 'unavailable') throw error;
    if (error.kind === 'conflict') log.warn('volume.in_use', { volume: name });
    else log.warn('volume.remove_failed', { volume: name, error });
    return false;
  }
}
