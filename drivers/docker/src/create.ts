import type { Observation, Progress, SandboxRecord } from '@opensandbox/core/ports';
import { checkAborted } from '@opensandbox/base';
import type { Agent } from './agent/agent.ts';
import type { ApplyContext } from './apply.ts';
import { applyPlan } from './apply.ts';
import type { ContainerInspect } from './engine/answers.ts';
import type { Images } from './images/images.ts';
import type { PlanSettings } from './plan/plan-step.ts';
import { inheritanceOf } from './plan/inheritance.ts';
import { planContainer } from './plan/plan.ts';
import { checkMounted } from './volumes/pin-check.ts';
import type { Volumes } from './volumes/volumes.ts';
import type { OemContext } from './windows/oem.ts';
import { prepareOem } from './windows/oem.ts';
import { requestedPlatform } from './windows/windows.ts';

export interface CreateContext extends ApplyContext {
  readonly images: Images;
  readonly agent: Agent;
  readonly settings: PlanSettings;
  readonly volumes: Volumes;
  readonly windowsAgent: OemContext['windowsAgent'];
}

/** Image, agent, volumes, container, start. On failure and on abort everything this call made is gone again. */
export async function createSandbox(
  context: CreateContext,
  task: { readonly record: SandboxRecord; readonly report: (progress: Progress) => void },
  signal: AbortSignal,
): Promise<Observation> {
  checkAborted(signal);
  const { record, report } = task;
  const { source } = record.spec;
  const platform = requestedPlatform(record.spec);
  const uri = source.kind === 'image' ? source.uri : source.image;
  const auth = source.kind === 'image' ? source.auth : undefined;
  const isLocal = source.kind === 'snapshot';
  const image = await context.images.ensure({ uri, auth, platform, isLocal }, report, signal);
  const inheritance = isLocal ? inheritanceOf(image) : undefined;
  const wish = { imageId: image.Id, platform };
  await using oem = await prepareOem(context, record, signal);
  const volume = oem === undefined ? await context.agent.volumeFor(wish, signal) : undefined;
  await using mounts = await context.volumes.prepare({ record, image: image.Id }, signal);
  report({ step: 'create', message: 'Creating the container' });
  let hasRefilled = false;
  for (;;) {
    const shell = oem === undefined ? (context.shells.get(image.Id) ?? 'image') : undefined;
    const { settings } = context;
    const plan = planContainer({ record, settings, agentVolume: volume, mounts, shell, inheritance });
    // Under a runtime with a kernel of its own the engine names a process that has none of the sandbox's mounts.
    const isSeen = context.settings.runtime === undefined;
    const verify = ({ State: { Pid: pid } }: ContainerInspect): Promise<void> =>
      checkMounted(isSeen ? (pid ?? 0) : 0, mounts.expected);
    const step = { record, imageId: image.Id, shell, plan, report, fill: oem?.fill, verify };
    const applied = await applyPlan(context, step, signal);
    if (applied.kind === 'started') {
      mounts.keep();
      oem?.keep();
      return applied.observation;
    }
    if (applied.kind === 'shell_missing') continue; // known by now: the next plan brings the agent's
    if (hasRefilled || volume === undefined) throw applied.fault;
    // Somebody pruned the volume while nothing used it, and the engine mounted a new, empty one.
    hasRefilled = true;
    context.log.warn('agent.volume_lost', { volume });
    context.agent.distrust(volume);
    await context.agent.volumeFor(wish, signal);
  }
}
