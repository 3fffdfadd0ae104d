import { AGENT_DIR } from '../names.ts';
import type { PlanStep } from './plan-step.ts';

/** `nocopy`: what the image holds at that place must not be copied into the shared volume. */
export const planAgent: PlanStep = (draft, { agentVolume }) =>
  agentVolume === undefined
    ? draft
    : {
        ...draft,
        HostConfig: {
          ...draft.HostConfig,
          Binds: [...(draft.HostConfig.Binds ?? []), `${agentVolume}:${AGENT_DIR}:ro,nocopy`],
        },
      };
