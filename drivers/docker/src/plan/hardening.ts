import type { PlanStep } from './plan-step.ts';

export const planHardening: PlanStep = (draft, { settings }) => ({
  ...draft,
  HostConfig: {
    ...draft.HostConfig,
    ...(settings.securityOptions.length === 0 ? {} : { SecurityOpt: settings.securityOptions }),
    ...(settings.dropCapabilities.length === 0 ? {} : { CapDrop: settings.dropCapabilities }),
  },
});
