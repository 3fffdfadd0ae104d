import type { SandboxId } from '@opensandbox/core/ports';
import type { ContainerInspect, ContainerSummary } from './engine/answers.ts';
import type { Engine } from './engine/engine.ts';
import { orAbsent } from './faults.ts';
import { isMine, readLabel } from './labels.ts';
import { containerName, LABEL } from './names.ts';

export interface LookupContext {
  readonly engine: Pick<Engine, 'inspectContainer' | 'listContainers'>;
  readonly instance: string | undefined;
}

/**
 * The container of a sandbox. The label decides, not the name; the usual name only saves a list. When several
 * carry the id, the newest counts.
 */
export async function findContainer(
  context: LookupContext,
  id: SandboxId,
  signal: AbortSignal,
): Promise<ContainerInspect | undefined> {
  const named = await orAbsent(context.engine.inspectContainer(containerName(id), signal));
  if (named !== undefined && isSandbox(named, id, context.instance)) return named;
  const listed = await listContainersOf(context, id, signal);
  for (const containerId of listed) {
    const found = await orAbsent(context.engine.inspectContainer(containerId, signal));
    if (found !== undefined && isSandbox(found, id, context.instance)) return found;
  }
  return undefined;
}

/** Ids of all containers that carry the sandbox's id and are this server's, the newest first. */
export async function listContainersOf(
  context: Pick<LookupContext, 'instance'> & { readonly engine: Pick<Engine, 'listContainers'> },
  id: SandboxId,
  signal: AbortSignal,
): Promise<readonly string[]> {
  return (await summariseContainersOf(context, id, signal)).map((container) => container.Id);
}

/** The same with what the list says of each. */
export async function summariseContainersOf(
  context: Pick<LookupContext, 'instance'> & { readonly engine: Pick<Engine, 'listContainers'> },
  id: SandboxId,
  signal: AbortSignal,
): Promise<readonly ContainerSummary[]> {
  const found = await context.engine.listContainers({ label: [`${LABEL.id}=${id}`] }, signal);
  return found
    .filter((container) => isMine(container.Labels ?? {}, context.instance))
    .sort((left, right) => right.Created - left.Created);
}

function isSandbox(inspect: ContainerInspect, id: SandboxId, instance: string | undefined): boolean {
  const labels = inspect.Config.Labels ?? {};
  return readLabel(labels, LABEL.id) === id && isMine(labels, instance);
}
