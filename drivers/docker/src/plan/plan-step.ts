import type { SandboxRecord } from '@opensandbox/core/ports';
import type { ContainerDraft } from '../engine/answers.ts';
import type { Shell } from '../shell.ts';
import type { Mounts } from '../volumes/volumes.ts';

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
  /** Name of the OCI runtime of every sandbox; absent means the engine's default. */
  readonly runtime?: string | undefined;
}

/** What an image brings along that was made from a sandbox with everything that sandbox had. */
export interface Inheritance {
  /** Names of its labels. */
  readonly labels: readonly string[];
  /** Names of variables that would mislead the agent. */
  readonly variables: readonly string[];
}

export interface PlanInput {
  readonly record: SandboxRecord;
  readonly settings: PlanSettings;
  /** Name of the volume that holds the agent; `undefined` where the agent gets in another way. */
  readonly agentVolume: string | undefined;
  /** What the sandbox's own volumes became. */
  readonly mounts: Mounts;
  /** What runs the agent's start script; `undefined`: the image starts as it says itself. */
  readonly shell: Shell | undefined;
  /** What the image brings along that must not count. */
  readonly inheritance?: Inheritance | undefined;
}

/** One concern of a container. Pure; returns the draft unchanged when it has nothing to say. */
export type PlanStep = (draft: ContainerDraft, input: PlanInput) => ContainerDraft;
