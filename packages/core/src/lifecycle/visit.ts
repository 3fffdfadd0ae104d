import { deadline, Fault } from '@opensandbox/base';
import { addressOf, checkPort } from '../reach.ts';
import type { SandboxId } from '../sandbox.ts';
import type { Context } from './context.ts';
import { notFound, requireRecord, view } from './context.ts';
import type { PortAddress } from './lifecycle.ts';

/** How long a visitor of a sandbox that is on its way is kept waiting, unless the options say otherwise. */
const VISIT_WAIT_MS = 5_000;
/** When a visitor who was sent away should come back. */
const COME_BACK_MS = 2_000;

/** A sandbox and a port of it. */
export interface Visit {
  readonly id: SandboxId;
  readonly port: number;
}

/**
 * The address of a port for somebody who is at the door. The state that clients are shown decides: what helps to wait
 * for is waited for a little and then `unavailable`; what only its owner can change is a `conflict`; what ended is gone.
 */
export async function visit(
  context: Context,
  knownOnce: (id: SandboxId) => boolean,
  { id, port }: Visit,
  signal: AbortSignal,
): Promise<PortAddress> {
  checkPort(port);
  const look = (): PortAddress | undefined => addressNow(context, knownOnce, { id, port });
  const found = look();
  if (found !== undefined) return found;
  const { clock, options, index } = context;
  const waitMs = options.visitWaitMs ?? VISIT_WAIT_MS;
  using limit = deadline(clock, waitMs, signal, () => notReady(context, id));
  return await index.until(id, look, limit.signal);
}

/** `undefined` while there is something to wait for. */
function addressNow(
  context: Context,
  knownOnce: (id: SandboxId) => boolean,
  { id, port }: Visit,
): PortAddress | undefined {
  const stored = context.store.get(id);
  if (stored === undefined || stored.buriedAt !== undefined) {
    throw stored !== undefined || knownOnce(id) ? gone(id, 'It was removed.') : notFound(id);
  }
  const { status, reach } = view(context, stored);
  switch (status.state) {
    case 'Running':
    case 'Unknown':
      // A container that restarts has no ports for a moment.
      return reach.kind === 'none' ? undefined : addressOf(reach, port);
    case 'Pending':
    case 'Pausing':
    case 'Resuming':
      return undefined;
    case 'Paused':
      throw new Fault('conflict', 'sandbox.paused', `Sandbox ${id} is paused. Resume it, then ask again.`);
    case 'Stopping':
      throw gone(id, 'It is being removed.');
    case 'Terminated':
    case 'Failed':
      // The reason and not the message: that one may name registries and hosts, and visitors show no key.
      throw gone(id, `It is ${status.state} (${status.reason}).`);
  }
}

function gone(id: SandboxId, message: string): Fault {
  return new Fault('not_found', 'sandbox.gone', `Sandbox ${id} is gone. ${message}`);
}

function notReady(context: Context, id: SandboxId): Fault {
  const { state } = view(context, requireRecord(context, id)).status;
  const text = `Sandbox ${id} cannot be reached yet: it is ${state}. Ask again in a moment.`;
  return new Fault('unavailable', 'sandbox.not_ready', text, { retryAfterMs: COME_BACK_MS });
}
