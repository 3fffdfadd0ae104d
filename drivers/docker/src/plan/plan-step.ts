import type { SandboxRecord } from '@opensandbox/core/ports';
import type { ContainerDraft } from '../engine/answers.ts';
import type { Shell } from '../shell.ts';

/** What a plan is made from, besides the record. */
export interface PlanSettings {
  readonly networkMode: string;
  readonly publishAddress: string;
  readonly instance: string | undefined;
  readonly pidsLimit: number;
  readonly dropCapabilities: readonly string[];
  /** Whether isolated sessions are to work. */
  readonly isolation: boolean;
  /** Ready for the engine: profiles are inlined. */
  readonly securityOptions: readonly string[];
}

export interface PlanInput {
  readonly record: SandboxRecord;
  readonly settings: PlanSettings;
  /** Name of the volume that holds the agent. */
  readonly agentVolume: string;
  /** What runs the agent's start script. */
  readonly shell: Shell;
}

/** One concern of a container. Pure; returns the draft unchanged when it has nothing to say. */
export type PlanStep = (draft: ContainerDraft, input: PlanInput) => ContainerDraft;
