import type { Observation, Progress, SandboxRecord } from '@opensandbox/core/ports';
import { checkAborted } from '@opensandbox/base';
import type { Agent } from './agent/agent.ts';
import type { ApplyContext } from './apply.ts';
import { applyPlan } from './apply.ts';
import type { Images } from './images/images.ts';
import type { PlanSettings } from './plan/plan-step.ts';
import { planContainer } from './plan/plan.ts';

export interface CreateContext extends ApplyContext {
  readonly images: Images;
  readonly agent: Agent;
  readonly settings: PlanSettings;
}

/** Image, agent, container, start. On failure and on abort everything this call made is gone again. */
export async function createSandbox(
  context: CreateContext,
  task: { readonly record: SandboxRecord; readonly report: (progress: Progress) => void },
  signal: AbortSignal,
): Promise<Observation> {
  checkAborted(signal);
  const { record, report } = task;
  const { source, platform } = record.spec;
  const uri = source.kind === 'image' ? source.uri : source.image;
  const auth = source.kind === 'image' ? source.auth : undefined;
  const image = await context.images.ensure({ uri, auth, platform }, report, signal);
  const wish = { imageId: image.Id, platform };
  const volume = await context.agent.volumeFor(wish, signal);
  report({ step: 'create', message: 'Creating the container' });
  let hasRefilled = false;
  for (;;) {
    const shell = context.shells.get(image.Id) ?? 'image';
    const plan = planContainer({ record, settings: context.settings, agentVolume: volume, shell });
    const applied = await applyPlan(context, { record, imageId: image.Id, shell, plan, report }, signal);
    if (applied.kind === 'started') return applied.observation;
    if (applied.kind === 'shell_missing') continue; // known by now: the next plan brings the agent's
    if (hasRefilled) throw applied.fault;
    // Somebody pruned the volume while nothing used it, and the engine mounted a new, empty one.
    hasRefilled = true;
    context.log.warn('agent.volume_lost', { volume });
    context.agent.distrust(volume);
    await context.agent.volumeFor(wish, signal);
  }
}
