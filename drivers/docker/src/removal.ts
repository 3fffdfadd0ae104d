import type { Removal, SandboxId } from '@opensandbox/core/ports';
import type { ContainerSummary } from './engine/answers.ts';
import type { Engine } from './engine/engine.ts';
import { isFault } from '@opensandbox/base';
import { named, orAbsent, orAlready } from './faults.ts';
import type { LookupContext } from './lookup.ts';
import { summariseContainersOf } from './lookup.ts';
import { readLabel, readPlatform, readTextList } from './labels.ts';
import { LABEL } from './names.ts';
import type { Volumes } from './volumes/volumes.ts';
import { oemVolumeName } from './windows/windows.ts';

export interface RemovalContext extends LookupContext {
  readonly volumes: Pick<Volumes, 'release' | 'remove'>;
  readonly engine: Pick<
    Engine,
    'inspectContainer' | 'listContainers' | 'removeContainer' | 'waitRemoved' | 'listVolumes' | 'removeVolume'
  >;
}

/**
 * Removes everything that was made for a sandbox: its container with its anonymous volumes, what stands beside
 * it, and the volumes that are its own. Absent, or being removed by somebody else, is success.
 */
export async function removeSandbox(
  context: RemovalContext,
  id: SandboxId,
  signal: AbortSignal,
): Promise<Removal> {
  const { engine } = context;
  const failed = `Failed to delete sandbox ${id}`;
  const [own, beside, volumes] = await named(
    'sandbox.query_failed',
    failed,
    Promise.all([
      summariseContainersOf(context, id, signal),
      listBeside(engine, id, signal),
      engine.listVolumes({ label: [`${LABEL.owner}=${id}`] }, signal),
    ]),
  );
  const containers = [...own.map((container) => container.Id), ...beside];
  await named('sandbox.delete_failed', failed, removeContainers(context, containers, signal));
  const unlabelled = unlabelledVolumes(id, own).map((name) => orAlready(engine.removeVolume(name, signal)));
  await named('sandbox.delete_failed', failed, Promise.all(unlabelled));
  const owned = volumes.map((volume) => ({ name: volume.Name, isHearsay: false }));
  const known = new Set(owned.map((volume) => volume.name));
  const said = managedVolumes(own).flatMap((name) => (known.has(name) ? [] : [{ name, isHearsay: true }]));
  await named('sandbox.delete_failed', failed, context.volumes.remove([...owned, ...said], signal));
  await context.volumes.release(id, signal);
  return containers.length + volumes.length > 0 ? 'removed' : 'absent';
}

/**
 * Volumes that another server's sandbox names in a label. A sandbox restored from a snapshot may have inherited the
 * label, and then names the volumes of the sandbox that the snapshot is of.
 */
function managedVolumes(containers: readonly ContainerSummary[]): readonly string[] {
  return containers.flatMap(({ Labels: labels }) => {
    const isRestored = readLabel(labels ?? {}, LABEL.snapshotId) !== undefined;
    return isRestored ? [] : readTextList(readLabel(labels ?? {}, LABEL.volumeManagedBy));
  });
}

/** Another server's Windows sandbox has a volume that only its name tells. */
function unlabelledVolumes(id: SandboxId, containers: readonly ContainerSummary[]): readonly string[] {
  const isGuest = containers.some(({ Labels: labels }) => readPlatform(labels ?? {})?.os === 'windows');
  return isGuest ? [oemVolumeName(id)] : [];
}

async function listBeside(
  engine: RemovalContext['engine'],
  id: SandboxId,
  signal: AbortSignal,
): Promise<string[]> {
  const filters = [LABEL.owner, LABEL.sidecarFor].map((key) => ({ label: [`${key}=${id}`] }));
  const found = await Promise.all(filters.map((filter) => engine.listContainers(filter, signal)));
  return found.flat().map((container) => container.Id);
}

async function removeContainers(
  context: RemovalContext,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(ids.map((id) => removeContainer(context.engine, id, signal)));
}

/** Removes one container, or waits until whoever is removing it is done. */
export async function removeContainer(
  engine: Pick<Engine, 'removeContainer' | 'waitRemoved'>,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await engine.removeContainer(id, signal);
  } catch (error) {
    if (isFault(error, 'not_found')) return;
    if (!isFault(error, 'conflict')) throw error;
    await orAbsent(engine.waitRemoved(id, signal));
  }
}
