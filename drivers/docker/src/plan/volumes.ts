import type { PlanStep } from './plan-step.ts';

export const planVolumes: PlanStep = (draft, { mounts }) => ({
  ...draft,
  Labels: { ...draft.Labels, ...mounts.labels },
  HostConfig: { ...draft.HostConfig, Binds: [...(draft.HostConfig.Binds ?? []), ...mounts.binds] },
});
