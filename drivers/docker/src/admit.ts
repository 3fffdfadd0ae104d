import type { FaultCode, SandboxSpec } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import type { Engine } from './engine/engine.ts';
import { named, orAbsent } from './faults.ts';
import { parseCommand } from './plan/command.ts';

/** Refuses what this driver cannot do, before anything is promised; splits a command that is one shell line. */
export async function admit(
  spec: SandboxSpec,
  context: { readonly engine: Pick<Engine, 'networkExists'>; readonly networkMode: string },
  signal: AbortSignal,
): Promise<SandboxSpec> {
  const entrypoint = parseCommand(spec.entrypoint);
  if (spec.platform?.os === 'windows') {
    throw new Fault(
      'unsupported',
      'feature.unsupported' satisfies FaultCode,
      "platform.os 'windows' is not available in this version. Leave platform out or use 'linux'.",
    );
  }
  await admitNetwork(context, signal);
  return { ...spec, entrypoint };
}

async function admitNetwork(
  context: { readonly engine: Pick<Engine, 'networkExists'>; readonly networkMode: string },
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
