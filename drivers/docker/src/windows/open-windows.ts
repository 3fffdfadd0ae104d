import { existsSync } from 'node:fs';
import type { DockerDeps } from '../deps.ts';
import type { EngineFacts } from '../engine-facts.ts';
import type { Connection } from '../engine/connection.ts';
import { isContained } from '../engine/engine-host.ts';
import type { WindowsHost } from './admit-windows.ts';
import type { AgentBinary, AgentBinaryContext } from './agent-binary.ts';
import { createAgentBinary } from './agent-binary.ts';
import { findMissingDevices } from './missing-devices.ts';

export interface Windows {
  readonly host: WindowsHost;
  readonly agent: AgentBinary | undefined;
}

const BUILTIN = 'builtin';

export function openWindows(
  context: Omit<AgentBinaryContext, 'agentImage'> & {
    readonly facts: EngineFacts;
    readonly arch: string | undefined;
    readonly connection: Pick<Connection, 'socketPath'>;
    readonly deps: Pick<DockerDeps, 'execd' | 'secureRuntime'>;
  },
): Windows {
  const { facts, arch, connection, deps } = context;
  const hasAgentImage = deps.execd.image !== BUILTIN;
  const isSameMachine = connection.socketPath !== undefined && !isContained();
  const look = { facts, isSameMachine, exists: existsSync };
  return {
    host: {
      hasAgentImage,
      arch,
      secureRuntime: deps.secureRuntime,
      missingDevices: (signal) => findMissingDevices(look, signal),
    },
    agent: hasAgentImage ? createAgentBinary({ ...context, agentImage: deps.execd.image }) : undefined,
  };
}
