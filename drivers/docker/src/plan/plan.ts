import type { ContainerDraft } from '../engine/answers.ts';
import type { NewContainer } from '../engine/engine.ts';
import { containerName } from '../names.ts';
import { planAgent } from './agent.ts';
import { planCommand } from './command.ts';
import { planHardening } from './hardening.ts';
import { planIdentity } from './identity.ts';
import { planIsolation } from './isolation.ts';
import { planLimits } from './limits.ts';
import { planNetwork } from './network.ts';
import type { PlanInput, PlanStep } from './plan-step.ts';

const PLAN: readonly PlanStep[] = [
  planIdentity,
  planCommand,
  planLimits,
  planNetwork,
  planAgent,
  planHardening,
  planIsolation,
];

export function planContainer(input: PlanInput): NewContainer {
  const empty: ContainerDraft = { Image: '', Labels: {}, HostConfig: {} };
  const { id, spec } = input.record;
  return {
    name: containerName(id),
    platform: spec.platform === undefined ? undefined : `${spec.platform.os}/${spec.platform.arch}`,
    draft: PLAN.reduce((draft, step) => step(draft, input), empty),
  };
}
