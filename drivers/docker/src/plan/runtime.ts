import type { PlanStep } from './plan-step.ts';

/** Of the sandbox alone: what stands beside it runs as everything else on the engine. */
export const planRuntime: PlanStep = (draft, { settings }) =>
  settings.runtime === undefined
    ? draft
    : { ...draft, HostConfig: { ...draft.HostConfig, Runtime: settings.runtime } };
