import { deadline, Fault, isFault } from '@opensandbox/base';
import type { Sandbox, SandboxId } from '../sandbox.ts';
import type { Context } from './context.ts';
import { requireRecord, view } from './context.ts';

const WAITED = 'wait.passed';

/** The sandbox as it is when it has left Pending, or when the wait has passed. */
export async function waitSettled(
  context: Context,
  id: SandboxId,
  waitMs: number,
  signal: AbortSignal,
): Promise<Sandbox> {
  const { clock, index } = context;
  using limit = deadline(clock, waitMs, signal, () => new Fault('timeout', WAITED, 'The wait has passed.'));
  try {
    return await index.until(id, () => settled(context, id), limit.signal);
  } catch (error) {
    if (isFault(error, 'timeout') && error.code === WAITED) return view(context, requireRecord(context, id));
    throw error;
  }
}

function settled(context: Context, id: SandboxId): Sandbox | undefined {
  const sandbox = view(context, requireRecord(context, id));
  return sandbox.record.provisioning.phase === 'pending' && sandbox.record.intent !== 'destroy'
    ? undefined
    : sandbox;
}
