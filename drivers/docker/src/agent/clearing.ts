import { isFault, sleep } from '@opensandbox/base';
import type { ContainerSummary, VolumeSummary } from '../engine/answers.ts';
import type { Engine } from '../engine/engine.ts';
import { readLabel } from '../labels.ts';
import { LABEL } from '../names.ts';
import { removeContainer } from '../removal.ts';
import { readRfc3339 } from '../rfc3339.ts';
import { AGENT_PURPOSE } from './agent-volume.ts';
import type { CarrierContext } from './carrier.ts';
import { CARRIER_PURPOSE } from './carrier.ts';

export const VOLUME_PREFIX = 'opensandbox-agent-';

/** How long a stranger's carrier may stand before it counts as left behind. */
export const CARRIER_LOOK_MS = 60_000;
/**
 * How old an agent volume must be to be removed. Its age is no proof that nobody wants it: another server, which is
 * about to use it, finds it gone and fills it again. This only keeps servers of different versions that start in
 * turns from doing so each time.
 */
export const VOLUME_AGE_MS = 24 * 3_600_000;

export interface ClearingContext extends CarrierContext {
  readonly engine: CarrierContext['engine'] & Pick<Engine, 'info' | 'listVolumes' | 'removeVolume'>;
}

/**
 * At the start: removes what earlier runs of this same server left when they were killed. Should one of them still
 * be at work, it notices and begins its filling again.
 */
export async function clearOwnCarriers(context: CarrierContext, signal: AbortSignal): Promise<void> {
  const isOwn = ({ Labels: labels }: ContainerSummary): boolean =>
    readLabel(labels ?? {}, LABEL.carrierInstance) === context.instance;
  const left = (await listCarriers(context, signal)).filter(isOwn);
  await Promise.all(left.map((carrier) => removeContainer(context.engine, carrier.Id, signal)));
}

/** Removes carriers of strangers that stand for long; looks until there is none that it has not seen before. */
export async function clearForeignCarriers(context: CarrierContext, signal: AbortSignal): Promise<void> {
  const look = async (): Promise<readonly string[]> =>
    (await listCarriers(context, signal)).map(({ Id: id }) => id);
  let seen = new Set(await look());
  do {
    await sleep(context.clock, CARRIER_LOOK_MS, signal);
    const found = await look();
    const left = found.filter((id) => seen.has(id));
    await Promise.all(left.map((id) => removeContainer(context.engine, id, signal)));
    seen = new Set(found.filter((id) => !seen.has(id)));
  } while (seen.size > 0);
}

/** All but those of this very run: it removes them itself. */
async function listCarriers(
  context: CarrierContext,
  signal: AbortSignal,
): Promise<readonly ContainerSummary[]> {
  const filter = { label: [`${LABEL.auxiliary}=${CARRIER_PURPOSE}`] };
  const found = await context.engine.listContainers(filter, signal);
  return found.filter(({ Labels: labels }) => readLabel(labels ?? {}, LABEL.carrierOwner) !== context.owner);
}

/** Removes old agent volumes that no container uses. The engine's clock dates them, so the engine's clock is asked. */
export async function clearOldVolumes(
  context: ClearingContext,
  rule: { readonly isWanted: (name: string) => boolean; readonly ageMs: number },
  signal: AbortSignal,
): Promise<void> {
  const { engine } = context;
  const engineNow = readRfc3339((await engine.info(signal)).SystemTime ?? '');
  if (engineNow === undefined) return;
  const isOld = ({ Name: name, CreatedAt: created }: VolumeSummary): boolean =>
    name.startsWith(VOLUME_PREFIX) && engineNow - (readRfc3339(created ?? '') ?? engineNow) >= rule.ageMs;
  const found = await engine.listVolumes({ label: [`${LABEL.auxiliary}=${AGENT_PURPOSE}`] }, signal);
  for (const { Name: volume } of found.filter(isOld)) {
    if (!rule.isWanted(volume) && (await removeUnused(engine, volume, signal))) {
      context.log.info('agent.volume_removed', { volume });
    }
  }
}

/** The engine refuses to remove a volume that any container mounts, running or not. */
async function removeUnused(
  engine: Pick<Engine, 'removeVolume'>,
  volume: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await engine.removeVolume(volume, signal);
    return true;
  } catch (error) {
    if (isFault(error, 'conflict') || isFault(error, 'not_found')) return false;
    throw error;
  }
}
