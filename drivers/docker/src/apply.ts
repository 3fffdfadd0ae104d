import type { FaultCode, Observation, Progress, SandboxRecord } from '@opensandbox/core/ports';
import type { Clock, Logger } from '@opensandbox/base';
import { abortable, checkAborted, Fault, isFault, retry, sleep, UndoStack } from '@opensandbox/base';
import { MARKER } from './agent/manifest.ts';
import type { ContainerInspect } from './engine/answers.ts';
import type { Engine, NewContainer } from './engine/engine.ts';
import { named, orAbsent } from './faults.ts';
import { isMine, readLabel } from './labels.ts';
import { AGENT_DIR, LABEL } from './names.ts';
import { removeContainer } from './removal.ts';
import { hasItsShell } from './shell.ts';
import type { Shell, Shells } from './shell.ts';

export interface ApplyContext {
  readonly engine: Engine;
  readonly shells: Shells;
  readonly instance: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly read: (inspect: ContainerInspect, readAt: number) => Observation | undefined;
}

export interface ApplyTask {
  readonly record: SandboxRecord;
  readonly imageId: string;
  /** What the plan starts with; `undefined`: what the image says itself. */
  readonly shell: Shell | undefined;
  /** Writes what the container must find when it starts. */
  readonly fill?: ((container: string, signal: AbortSignal) => Promise<void>) | undefined;
  /** Looks at what this call started; its rejection takes the container back. */
  readonly verify?: ((started: ContainerInspect) => Promise<void>) | undefined;
  readonly plan: NewContainer;
  readonly report: (progress: Progress) => void;
}

export type Applied =
  | { readonly kind: 'started'; readonly observation: Observation }
  /** Not started: the image has no shell, but the agent has. */
  | { readonly kind: 'shell_missing' }
  /** The container did not find the agent in its volume. */
  | { readonly kind: 'agent_missing'; readonly fault: Fault };

const START_FAILED = 'Failed to create or start container';
/** Engine states of a container that cannot be adopted. */
const UNFIT: ReadonlySet<string> = new Set(['created', 'removing', 'dead']);
const NAME_ATTEMPTS = 5;
const NAME_RETRY_MS = 100;
const UNDO_RETRIES = {
  attempts: 4,
  backoff: { firstMs: 250, longestMs: 2_000, jitter: 0, random: () => 0 },
};

/** Creates and starts the container of a plan, or adopts the one that is there. Undone unless it succeeds. */
export async function applyPlan(
  context: ApplyContext,
  task: ApplyTask,
  signal: AbortSignal,
): Promise<Applied> {
  await using undo = new UndoStack((step, error) =>
    context.log.error('sandbox.undo_failed', { sandboxId: task.record.id, step, error }),
  );
  const container = await createOrAdopt(context, { ...task, undo }, signal);
  if (container.mustStart) {
    const { shell } = task;
    if (
      shell !== undefined &&
      !(await hasItsShell(context, { ...task, shell, container: container.id }, signal))
    ) {
      return { kind: 'shell_missing' };
    }
    await task.fill?.(container.id, signal);
    task.report({ step: 'start', message: 'Starting the container' });
    const target = { id: container.id, undo, needsAgent: shell !== undefined };
    const missing = await start(context, target, signal);
    if (missing !== undefined) return { kind: 'agent_missing', fault: missing };
  }
  const readAt = context.clock.now();
  const inspect = await named(
    'sandbox.start_failed',
    START_FAILED,
    context.engine.inspectContainer(container.id, signal),
  );
  if (container.mustStart) await task.verify?.(inspect);
  const observation = context.read(inspect, readAt);
  if (observation === undefined) throw startFailed('the container has lost its labels');
  undo.keep();
  return { kind: 'started', observation };
}

interface Container {
  readonly id: string;
  readonly mustStart: boolean;
}

/**
 * The engine goes on with a create whose caller hung up, so calls that make something are never aborted on the
 * wire: an aborted caller stops waiting, and undoing waits for the call's end.
 */
async function createOrAdopt(
  context: ApplyContext,
  task: ApplyTask & { readonly undo: UndoStack },
  signal: AbortSignal,
): Promise<Container> {
  for (let attempt = 1; attempt <= NAME_ATTEMPTS; attempt += 1) {
    checkAborted(signal);
    const creating = context.engine.createContainer(task.plan, new AbortController().signal);
    task.undo.add('container', async () => {
      await creating.catch(() => undefined); // its failure is reported by the create itself
      await removeOwn(context, task);
    });
    const asking = named('sandbox.start_failed', START_FAILED, orConflict(creating));
    const id = await abortable(asking, signal);
    const container = id === undefined ? await adopt(context, task, signal) : { id, mustStart: true };
    if (container !== undefined) return container;
    await sleep(context.clock, NAME_RETRY_MS, signal);
  }
  throw startFailed(`the name ${task.plan.name} stays taken`);
}

/** `undefined` when the name is taken. */
async function orConflict(creating: Promise<string>): Promise<string | undefined> {
  try {
    return await creating;
  } catch (error) {
    if (isFault(error, 'conflict')) return undefined;
    throw error;
  }
}

/**
 * The container that already has the name, if it was ever started; `undefined` when the name is free by now.
 * One that was not is made anew: an engine that died while it started it says "created" for ever, and refuses to
 * start what its runtime still holds.
 */
async function adopt(
  context: ApplyContext,
  task: ApplyTask,
  signal: AbortSignal,
): Promise<Container | undefined> {
  const asking = orAbsent(context.engine.inspectContainer(task.plan.name, signal));
  const found = await named('sandbox.start_failed', START_FAILED, asking);
  if (found === undefined) return undefined;
  if (!isOwn(context, task.record, found))
    throw startFailed(`the name ${task.plan.name} is taken by another container`);
  const { State: state } = found;
  if (UNFIT.has(state.Status ?? '')) {
    await named('sandbox.start_failed', START_FAILED, removeContainer(context.engine, found.Id, signal));
    return undefined;
  }
  return { id: found.Id, mustStart: false };
}

/** Starts; a Fault as the result says that the agent is not where the container looks for it. */
async function start(
  context: ApplyContext,
  target: { readonly id: string; readonly undo: UndoStack; readonly needsAgent: boolean },
  signal: AbortSignal,
): Promise<Fault | undefined> {
  checkAborted(signal);
  const starting = named(
    'sandbox.start_failed',
    START_FAILED,
    context.engine.startContainer(target.id, new AbortController().signal),
  );
  target.undo.add('start', () => starting.catch(() => undefined)); // a container is removed at rest, not mid-start
  try {
    await abortable(starting, signal);
    return undefined;
  } catch (error) {
    if (!isFault(error) || error.code !== ('sandbox.start_failed' satisfies FaultCode)) throw error;
    if (!target.needsAgent) throw error;
    const marker = `${AGENT_DIR}/${MARKER}`;
    const looking = context.engine.hasFile(target.id, marker, signal).then(() => true);
    const isThere = await orAbsent(looking).catch(() => true); // the start's own failure matters more
    if (isThere === true) throw error;
    return error;
  }
}

/** Removes what stands under the sandbox's name, if it is the sandbox. On a signal of its own. */
async function removeOwn(context: ApplyContext, task: ApplyTask): Promise<void> {
  const { signal } = new AbortController();
  const remove = async (): Promise<void> => {
    const found = await orAbsent(context.engine.inspectContainer(task.plan.name, signal));
    if (found !== undefined && isOwn(context, task.record, found)) {
      await removeContainer(context.engine, found.Id, signal);
    }
  };
  await retry({ ...UNDO_RETRIES, clock: context.clock }, remove, signal);
}

function isOwn(context: ApplyContext, record: SandboxRecord, found: ContainerInspect): boolean {
  const labels = found.Config.Labels ?? {};
  return readLabel(labels, LABEL.id) === record.id && isMine(labels, context.instance);
}

function startFailed(why: string): Fault {
  return new Fault('internal', 'sandbox.start_failed' satisfies FaultCode, `${START_FAILED}: ${why}`);
}
