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
  const plan = planContainer({ record, settings: context.settings, agentVolume: volume });
  const first = await applyPlan(context, { record, plan, report }, signal);
  if (first.kind === 'started') return first.observation;
  // Somebody pruned the volume while nothing used it, and the engine mounted a new, empty one.
  context.log.warn('agent.volume_lost', { volume });
  context.agent.distrust(volume);
  await context.agent.volumeFor(wish, signal);
  const second = await applyPlan(context, { record, plan, report }, signal);
  if (second.kind === 'started') return second.observation;
  throw second.fault;
}
