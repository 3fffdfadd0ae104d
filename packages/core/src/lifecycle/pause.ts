import { Fault } from '@opensandbox/base';
import type { PauseFacet } from '../ports/runtime-driver.ts';
import type { Intent, SandboxId } from '../sandbox.ts';
import { isCapturing } from '../snapshots/capture-queue.ts';
import { statusOf } from '../status.ts';
import type { Context } from './context.ts';
import { requireRecord } from './context.ts';

interface Verb {
  readonly from: 'Running' | 'Paused';
  readonly intent: Intent;
  readonly name: keyof PauseFacet;
  readonly refusal: () => Fault;
}

const PAUSE: Verb = {
  from: 'Running',
  intent: 'pause',
  name: 'pause',
  refusal: () => new Fault('conflict', 'sandbox.not_running', 'Sandbox is not in a running state.'),
};

const RESUME: Verb = {
  from: 'Paused',
  intent: 'run',
  name: 'resume',
  refusal: () => new Fault('conflict', 'sandbox.not_paused', 'Sandbox is not in a paused state.'),
};

export function pause(context: Context, id: SandboxId, signal: AbortSignal): Promise<void> {
  return swap(context, id, PAUSE, signal);
}

export function resume(context: Context, id: SandboxId, signal: AbortSignal): Promise<void> {
  return swap(context, id, RESUME, signal);
}

async function swap(context: Context, id: SandboxId, verb: Verb, signal: AbortSignal): Promise<void> {
  check(context, id, verb);
  const facet = context.driver.pausing;
  if (facet === undefined) {
    throw new Fault('unsupported', 'feature.unsupported', 'This runtime does not pause sandboxes.');
  }
  // Asked again under the lock: of two callers at once the second finds the work done, and is refused.
  const task = async (own: AbortSignal): Promise<void> => {
    check(context, id, verb);
    await act(context, id, { verb, facet }, own);
  };
  await context.operations.run(id, task, signal);
}

function check(context: Context, id: SandboxId, verb: Verb): void {
  const record = requireRecord(context, id);
  if (isCapturing(context, id)) throw capturing(id);
  const { state } = statusOf({ record, seen: context.index.get(id), progress: undefined });
  if (state !== verb.from) throw verb.refusal();
}

/** Intent first, so that a crash in between shows as drift and is repaired; taken back when the engine refuses. */
async function act(
  context: Context,
  id: SandboxId,
  { verb, facet }: { readonly verb: Verb; readonly facet: PauseFacet },
  signal: AbortSignal,
): Promise<void> {
  const { store, index, log } = context;
  const before: Intent = verb.intent === 'run' ? 'pause' : 'run';
  await store.update(id, (current) => {
    if (current.intent !== before) throw verb.refusal();
    return { ...current, intent: verb.intent };
  });
  index.touch(id);
  try {
    index.apply({ type: 'observed', observation: await facet[verb.name](id, signal) });
  } catch (error) {
    await store.update(id, (current) =>
      current.intent === verb.intent ? { ...current, intent: before } : current,
    );
    throw error;
  }
  log.info(verb.intent === 'run' ? 'sandbox.resumed' : 'sandbox.paused', { sandboxId: id });
}

function capturing(id: SandboxId): Fault {
  const message = `Sandbox ${id} is being captured for a snapshot, and stands still for it. Try again when the snapshot is made.`;
  return new Fault('conflict', 'snapshot.capturing', message, { retryAfterMs: 1000 });
}
