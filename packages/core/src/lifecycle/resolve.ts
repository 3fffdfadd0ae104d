import { deadline, Fault } from '@opensandbox/base';
import { addressOf, checkPort } from '../reach.ts';
import type { SandboxId, SandboxRecord } from '../sandbox.ts';
import { statusOf } from '../status.ts';
import type { Context } from './context.ts';
import { requireRecord } from './context.ts';
import type { PortAddress } from './lifecycle.ts';

/** Answers at once from the index, unless the sandbox is still on its way up. */
export async function resolve(
  context: Context,
  id: SandboxId,
  port: number,
  signal: AbortSignal,
): Promise<PortAddress> {
  checkPort(port);
  const record = requireRecord(context, id);
  if (!isOnItsWay(record)) return address(context, record, port);
  const { clock, options, index } = context;
  using limit = deadline(clock, options.resolveWaitMs, signal, () => tooSlow(context, id));
  const settled = await index.until(id, () => settledOrThrow(context, id), limit.signal);
  return address(context, settled, port);
}

function isOnItsWay(record: SandboxRecord): boolean {
  return record.provisioning.phase === 'pending' && record.intent !== 'destroy';
}

function settledOrThrow(context: Context, id: SandboxId): SandboxRecord | undefined {
  const record = context.store.get(id);
  if (record === undefined) throw deleted(id);
  return isOnItsWay(record) ? undefined : record;
}

function address(context: Context, record: SandboxRecord, port: number): PortAddress {
  const { id, provisioning } = record;
  if (provisioning.phase === 'failed') {
    throw new Fault(provisioning.kind, provisioning.code, provisioning.message);
  }
  if (provisioning.phase === 'pending') throw deleted(id);
  const seen = context.index.get(id);
  if (seen === undefined || (seen.phase === 'exited' && seen.reach.kind === 'none')) {
    // Not the engine's failure: the sandbox ended by itself or was lost, and the status says how.
    const { message } = statusOf({ record, seen, progress: undefined });
    throw new Fault('conflict', 'sandbox.not_running', `Sandbox ${id} has no address any more. ${message}`);
  }
  return addressOf(seen.reach, port);
}

function deleted(id: SandboxId): Fault {
  return new Fault('not_found', 'sandbox.deleted', `Sandbox ${id} was deleted.`);
}

function tooSlow(context: Context, id: SandboxId): Fault {
  const seconds = context.options.resolveWaitMs / 1000;
  const step = context.operations.progress(id)?.message ?? 'It waits for its turn.';
  const message = `Sandbox ${id} is still starting after ${seconds} seconds. ${step} Ask again later.`;
  return new Fault('timeout', 'endpoint.unavailable', message, { retryAfterMs: 1000 });
}
