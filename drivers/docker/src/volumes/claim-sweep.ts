import { orAbsent, orAlready } from '../faults.ts';
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
    if (!(await isForsaken(context, { volume, isKept: kept.has(volume.Name) }, signal))) continue;
    await orAlready(engine.removeVolume(volume.Name, signal));
    removed.push(volume.Name);
    log.info('volume.swept', { volume: volume.Name });
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
  return (await engine.listContainers({ label: [partLabel(name)] }, signal)).length > 0;
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
