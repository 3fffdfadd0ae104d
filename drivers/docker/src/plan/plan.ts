import type { Platform } from '@opensandbox/core/ports';
import type { ContainerDraft } from '../engine/answers.ts';
import type { NewContainer } from '../engine/engine.ts';
import { requestedPlatform } from '../windows/windows.ts';
import { planWindows } from '../windows/plan-windows.ts';
import { containerName } from '../names.ts';
import { planAgent } from './agent.ts';
import { planCommand } from './command.ts';
import { planHardening } from './hardening.ts';
import { planIdentity } from './identity.ts';
import { planInheritance } from './inheritance.ts';
import { planIsolation } from './isolation.ts';
import { planLimits } from './limits.ts';
import { planNetwork } from './network.ts';
import type { PlanInput, PlanStep } from './plan-step.ts';
import { planRuntime } from './runtime.ts';
import { planVolumes } from './volumes.ts';

const PLAN: readonly PlanStep[] = [
  planIdentity,
  planCommand,
  planLimits,
  planNetwork,
  planAgent,
  planVolumes,
  planHardening,
  planIsolation,
  planRuntime,
  planInheritance,
  planWindows,
];

export function planContainer(input: PlanInput): NewContainer {
  const empty: ContainerDraft = { Image: '', Labels: {}, HostConfig: {} };
  const { id, spec } = input.record;
  return {
    name: containerName(id),
    platform: formatPlatform(requestedPlatform(spec)),
    draft: PLAN.reduce((draft, step) => step(draft, input), empty),
  };
}

function formatPlatform(platform: Platform | undefined): string | undefined {
  return platform === undefined ? undefined : `${platform.os}/${platform.arch}`;
}
