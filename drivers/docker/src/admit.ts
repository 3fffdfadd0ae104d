import type { FaultCode, SandboxSpec } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import type { Engine } from './engine/engine.ts';
import { named, orAbsent } from './faults.ts';
import { admitResources } from './admit-resources.ts';
import type { EngineFacts } from './engine-facts.ts';
import { parseCommand, requireWords } from './plan/command.ts';
import type { Volumes } from './volumes/volumes.ts';
import type { WindowsHost } from './windows/admit-windows.ts';
import { admitWindows } from './windows/admit-windows.ts';
import { isWindows } from './windows/windows.ts';

export interface AdmitContext {
  readonly engine: Pick<Engine, 'inspectImage' | 'networkExists'>;
  readonly networkMode: string;
  readonly volumes: Pick<Volumes, 'admit'>;
  readonly facts: EngineFacts;
  readonly windows: WindowsHost;
}

/** Refuses what this driver cannot do, before anything is promised; splits a command that is one shell line. */
export async function admit(
  spec: SandboxSpec,
  context: AdmitContext,
  signal: AbortSignal,
): Promise<SandboxSpec> {
  await admitSnapshot(spec, context.engine, signal);
  // The image of a Windows guest starts as it says itself: its words stay as they are.
  const entrypoint = isWindows(spec) ? requireWords(spec.entrypoint) : parseCommand(spec.entrypoint);
  await admitResources(spec, context.facts, signal);
  if (isWindows(spec)) await admitWindows(spec, context.windows, signal);
  await admitNetwork(context, signal);
  await context.volumes.admit(spec.volumes, signal);
  return { ...spec, entrypoint };
}

/** A snapshot's image is on this engine alone: when somebody removed it there, nothing can be restored. */
async function admitSnapshot(
  { source }: SandboxSpec,
  engine: Pick<Engine, 'inspectImage'>,
  signal: AbortSignal,
): Promise<void> {
  if (source.kind !== 'snapshot') return;
  const found = orAbsent(engine.inspectImage(source.image, signal));
  if ((await named('image.pull_failed', `Failed to inspect image ${source.image}`, found)) !== undefined)
    return;
  const message =
    `Snapshot ${source.snapshotId} cannot be restored: its image ${source.image} is not on the engine any more. ` +
    'Somebody removed it there; delete the snapshot.';
  throw new Fault('conflict', 'snapshot.restore_config' satisfies FaultCode, message);
}

async function admitNetwork(
  context: Pick<AdmitContext, 'engine' | 'networkMode'>,
  signal: AbortSignal,
): Promise<void> {
  const { networkMode } = context;
  if (networkMode === 'host' || networkMode === 'bridge') return;
  const ask = orAbsent(context.engine.networkExists(networkMode, signal).then(() => true));
  const isThere = await named('sandbox.start_failed', 'Failed to inspect the network', ask);
  if (isThere !== true) {
    throw new Fault(
      'invalid',
      'parameter.invalid' satisfies FaultCode,
      `Docker network '${networkMode}' does not exist. Create it first with 'docker network create <name>'.`,
    );
  }
}
