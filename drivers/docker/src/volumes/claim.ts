import type { FaultCode, SandboxId } from '@opensandbox/core/ports';
import { createKeyedLock, Fault } from '@opensandbox/base';
import type { VolumeSummary } from '../engine/answers.ts';
import { named, orAbsent } from '../faults.ts';
import type { Labels } from '../labels.ts';
import { readLabel } from '../labels.ts';
import { LABEL } from '../names.ts';
import type { Preparation, PreparedVolume, VolumeBackend, VolumeOf } from './backend.ts';
import type { ClaimContext, ClaimDeps } from './claim-context.ts';
import { refuseAuxiliary, refuseReserved } from './claim-names.ts';
import { checkPart, checkPartOf, isPart, openPart } from './claim-part.ts';
import { isManaged, isUsedInPart, sweepVolumes, tryRemove } from './claim-sweep.ts';
import { createClaimUsers } from './claim-users.ts';

export interface ClaimVolumes extends VolumeBackend<'claim'> {
  /** Removes volumes of a sandbox whose containers are gone. One that cannot go is kept for later, with a warning. */
  remove(volumes: readonly RemovableVolume[], signal: AbortSignal): Promise<void>;
  /** Removes what was kept and is used no longer, and what a killed server left. */
  sweep(signal: AbortSignal): Promise<void>;
}

export interface RemovableVolume {
  readonly name: string;
  /** Named by a label of the container only: the volume itself has to agree. */
  readonly isHearsay: boolean;
}

/** Named volumes of the engine. */
export function createClaimVolumes(deps: ClaimDeps): ClaimVolumes {
  const context: ClaimContext = { ...deps, users: createClaimUsers(), locks: createKeyedLock<string>() };
  const kept = new Set<string>();
  const sweep = async (signal: AbortSignal): Promise<void> => {
    for (const name of await sweepVolumes(context, kept, signal)) kept.delete(name);
  };
  return {
    admit: (volume, signal) => admit(context, volume, signal),
    prepare: (volume, preparation, signal) => prepare(context, { volume, preparation }, signal),
    async remove(volumes, signal) {
      for (const volume of volumes) {
        if (volume.isHearsay && !(await isManaged(context, volume.name, signal))) continue;
        if (await removeUnused(context, volume.name, signal)) kept.delete(volume.name);
        else kept.add(volume.name);
      }
    },
    async release(_id, signal) {
      // What is left of other sandboxes must not fail the removal of this one.
      await sweep(signal).catch((error: unknown) => deps.log.warn('volume.sweep_failed', { error }));
    },
    sweep,
  };
}

async function admit(context: ClaimContext, volume: VolumeOf<'claim'>, signal: AbortSignal): Promise<void> {
  const { claimName, createIfMissing } = volume.source;
  refuseReserved(claimName);
  if (isPart(volume)) checkPart(volume, context.obstacle);
  const found = await inspect(context, claimName, signal);
  if (found === undefined && !createIfMissing) throw missing(claimName);
  if (found === undefined) return;
  refuseAuxiliary(found);
  if (isPart(volume)) await checkPartOf(volume, found);
}

async function prepare(
  context: ClaimContext,
  { volume, preparation }: { readonly volume: VolumeOf<'claim'>; readonly preparation: Preparation },
  signal: AbortSignal,
): Promise<PreparedVolume> {
  const { claimName: name, deleteWithSandbox } = volume.source;
  const use = context.users.enter(name);
  preparation.transient.add('volume use', async () => use[Symbol.dispose]());
  const found = await context.locks.run(name, () => ensure(context, { volume, preparation }, signal), signal);
  refuseAuxiliary(found);
  const isOwn = readLabel(found.Labels ?? {}, LABEL.madeFor) === preparation.sandboxId;
  const managed: Labels =
    isOwn && deleteWithSandbox ? { [LABEL.volumeManagedBy]: JSON.stringify([name]) } : {};
  if (!isPart(volume)) return { source: name, labels: managed };
  const mountpoint = await checkPartOf(volume, found);
  const made = await openPart({ part: volume, mountpoint, pins: context.pins }, preparation, signal);
  return { ...made, labels: { ...made.labels, ...managed } };
}

/** The engine answers a create of a name that is taken with the volume that has it: the label says whose it is. */
async function ensure(
  context: ClaimContext,
  { volume, preparation }: { readonly volume: VolumeOf<'claim'>; readonly preparation: Preparation },
  signal: AbortSignal,
): Promise<VolumeSummary> {
  const { claimName: name, createIfMissing } = volume.source;
  const { sandboxId, undo } = preparation;
  const there = await inspect(context, name, signal);
  if (there === undefined && !createIfMissing) throw missing(name);
  undo.add('volume', () => removeMade(context, { name, sandboxId }));
  if (there === undefined) {
    const quiet = new AbortController().signal; // the engine goes on with a create whose caller hung up
    const labels = volumeLabels(context, volume, sandboxId);
    await failed(name, context.engine.createVolume(name, labels, quiet));
  }
  const found = there ?? (await inspect(context, name, signal));
  if (found === undefined) throw missing(name);
  return found;
}

/** Removes a volume if it was made for this sandbox. On a signal of its own. */
async function removeMade(
  context: ClaimContext,
  { name, sandboxId }: { readonly name: string; readonly sandboxId: SandboxId },
): Promise<void> {
  const { signal } = new AbortController();
  const found = await inspect(context, name, signal);
  if (readLabel(found?.Labels ?? {}, LABEL.madeFor) === sandboxId) await removeUnused(context, name, signal);
}

function volumeLabels(context: ClaimContext, volume: VolumeOf<'claim'>, id: SandboxId): Labels {
  return {
    [LABEL.volumeManagedBy]: 'server',
    [LABEL.madeFor]: id,
    ...(volume.source.deleteWithSandbox ? { [LABEL.owner]: id } : {}),
    ...(context.instance === undefined ? {} : { [LABEL.instance]: context.instance }),
  };
}

/** False: somebody uses it or is about to, or the engine does not remove it. */
async function removeUnused(context: ClaimContext, name: string, signal: AbortSignal): Promise<boolean> {
  return context.locks.run(
    name,
    async () => {
      const isWanted = context.users.has(name) || (await isUsedInPart(context, name, signal));
      if (!isWanted) return tryRemove(context, name, signal);
      context.log.warn('volume.in_use', { volume: name });
      return false;
    },
    signal,
  );
}

function inspect(
  context: ClaimContext,
  name: string,
  signal: AbortSignal,
): Promise<VolumeSummary | undefined> {
  return failed(name, orAbsent(context.engine.inspectVolume(name, signal)));
}

function failed<T>(name: string, work: Promise<T>): Promise<T> {
  return named('volume.query_failed', `Failed to inspect or create volume '${name}'`, work);
}

function missing(name: string): Fault {
  return new Fault(
    'invalid',
    'volume.not_found' satisfies FaultCode,
    `Docker volume '${name}' does not exist. Create it first, or set createIfNotExists.`,
  );
}
