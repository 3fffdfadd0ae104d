import type { SandboxId } from '@opensandbox/core/ports';
import type { Engine } from './engine/engine.ts';
import { isFault } from '@opensandbox/base';
import { named, orAbsent, orAlready } from './faults.ts';
import type { LookupContext } from './lookup.ts';
import { listContainersOf } from './lookup.ts';
import { LABEL } from './names.ts';

export interface RemovalContext extends LookupContext {
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
): Promise<void> {
  const { engine } = context;
  const failed = `Failed to delete sandbox ${id}`;
  const [own, beside, volumes] = await named(
    'sandbox.query_failed',
    failed,
    Promise.all([
      listContainersOf(context, id, signal),
      listBeside(engine, id, signal),
      engine.listVolumes({ label: [`${LABEL.owner}=${id}`] }, signal),
    ]),
  );
  await named('sandbox.delete_failed', failed, removeContainers(context, [...own, ...beside], signal));
  const removals = volumes.map((volume) => orAlready(engine.removeVolume(volume.Name, signal)));
  await named('sandbox.delete_failed', failed, Promise.all(removals));
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
