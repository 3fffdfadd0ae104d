import { isWindows } from '../windows/windows.ts';
import type { PlanStep } from './plan-step.ts';

const SYS_ADMIN = 'SYS_ADMIN';

/**
 * What isolated sessions need of a container: to make namespaces and mounts. Comes after the hardening, which it takes
 * one capability and the engine's own AppArmor profile back from; a profile that was named stays.
 */
export const planIsolation: PlanStep = (draft, { record, settings }) => {
  if (!settings.isolation || isWindows(record.spec)) return draft;
  const { CapDrop = [], SecurityOpt = [] } = draft.HostConfig;
  const hasProfile = SecurityOpt.some((option) => option.startsWith('apparmor='));
  return {
    ...draft,
    HostConfig: {
      ...draft.HostConfig,
      CapAdd: [SYS_ADMIN],
      CapDrop: CapDrop.filter((name) => name.toUpperCase().replace(/^CAP_/, '') !== SYS_ADMIN),
      SecurityOpt: hasProfile ? SecurityOpt : [...SecurityOpt, 'apparmor=unconfined'],
    },
  };
};
