import type { ImageInspect } from '../engine/answers.ts';
import { LABEL } from '../names.ts';
import type { Inheritance, PlanStep } from './plan-step.ts';

/** Makes the agent wait minutes for a certificate that only a sandbox with a credential proxy gets. */
const MISLEADING = 'OPENSANDBOX_EGRESS_MITMPROXY_TRANSPARENT';

/** Images of snapshots hold files alone; those that another server committed hold the sandbox's labels as well. */
export function inheritanceOf({ Config: config }: ImageInspect): Inheritance | undefined {
  const labels = Object.keys(config?.Labels ?? {});
  if (!labels.includes(LABEL.id)) return undefined;
  const hasMisleading = (config?.Env ?? []).some((line) => line.startsWith(`${MISLEADING}=`));
  return { labels, variables: hasMisleading ? [MISLEADING] : [] };
}

/** Empty means absent to every reader: an engine adds what the image has, and nothing takes it away again. */
export const planInheritance: PlanStep = (draft, { inheritance }) => {
  if (inheritance === undefined) return draft;
  const { labels, variables } = inheritance;
  return {
    ...draft,
    Labels: { ...Object.fromEntries(labels.map((key) => [key, ''])), ...draft.Labels },
    Env: [...variables.map((name) => `${name}=`), ...(draft.Env ?? [])],
  };
};
