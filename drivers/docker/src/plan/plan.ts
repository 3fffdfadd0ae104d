import type { SandboxRecord } from '@opensandbox/core/ports';
import type { ContainerDraft } from '../engine/answers.ts';
import type { NewContainer } from '../engine/engine.ts';
import { containerName } from '../names.ts';
import { planAgent } from './agent.ts';
import { planCommand } from './command.ts';
import { planHardening } from './hardening.ts';
import { planIdentity } from './identity.ts';
import { planLimits } from './limits.ts';
import { planNetwork } from './network.ts';

/** What a plan is made from, besides the record. */
export interface PlanSettings {
  readonly networkMode: string;
  readonly publishAddress: string;
  readonly instance: string | undefined;
  readonly pidsLimit: number;
  readonly dropCapabilities: readonly string[];
  /** Ready for the engine: profiles are inlined. */
  readonly securityOptions: readonly string[];
}

export interface PlanInput {
  readonly record: SandboxRecord;
  readonly settings: PlanSettings;
  /** Name of the volume that holds the agent. */
  readonly agentVolume: string;
}

/** One concern of a container. Pure; returns the draft unchanged when it has nothing to say. */
export type PlanStep = (draft: ContainerDraft, input: PlanInput) => ContainerDraft;

const PLAN: readonly PlanStep[] = [
  planIdentity,
  planCommand,
  planLimits,
  planNetwork,
  planAgent,
  planHardening,
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
