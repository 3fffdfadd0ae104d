import type { AgentProbe } from '@opensandbox/core/ports';
import type { StageDeps } from './stages.ts';
import { beginStages } from './stages.ts';

/** The last stage of a creation: until the agent answers. */
export function measuredProbe(probe: AgentProbe, deps: StageDeps): AgentProbe {
  return {
    waitReady: (reach, signal) => beginStages(deps).only('agent', () => probe.waitReady(reach, signal)),
  };
}
