import { abortable, deadline, Fault, isFault } from '@opensandbox/base';
import type { FaultCode } from '../fault-codes.ts';
import type { SandboxId, SandboxRecord } from '../sandbox.ts';
import type { Context } from './context.ts';
import { removalDueAt, requireRecord } from './context.ts';

/**
 * Removes on a client's behalf. A client that leaves ends its waiting, not the removal; and no client waits longer
 * than one engine call may take, although a removal behind a creation that is taken back makes several.
 */
export async function destroy(context: Context, id: SandboxId, signal: AbortSignal): Promise<void> {
  requireRecord(context, id);
  const { clock, options } = context;
  using limit = deadline(clock, options.removeWaitMs, signal, () => notYetRemoved(id, options.removeWaitMs));
  await abortable(remove(context, id, 'deleted'), limit.signal);
}

function notYetRemoved(id: SandboxId, waitedMs: number): Fault {
  return new Fault(
    'timeout',
    'engine.timeout' satisfies FaultCode,
    `The engine has not removed sandbox ${id} within ${Math.round(waitedMs / 1000)} s. The removal goes on by itself; check that the engine answers.`,
  );
}

/**
 * Removes whatever is left of a sandbox, then its record. The intent is durable before the engine is touched:
 * a removal that fails, or a server that dies, is taken up again by the sweep or the next start.
 */
export function remove(context: Context, id: SandboxId, why: string): Promise<void> {
  return context.operations.remove(id, async (signal) => {
    const began = context.clock.now();
    try {
      await context.store.update(id, (current) =>
        current.intent === 'destroy' ? current : { ...current, intent: 'destroy' },
      );
    } catch (error) {
      if (isFault(error, 'not_found')) return; // another removal was faster
      throw error;
    }
    context.operations.cancelProvisioning(id);
    context.index.touch(id);
    try {
      await underLock(context, { id, why }, signal);
    } catch (error) {
      context.deadlines.retry(id);
      throw error;
    }
    context.log.info('sandbox.removed', { sandboxId: id, why, durationMs: context.clock.now() - began });
  });
}

interface Removal {
  readonly id: SandboxId;
  readonly why: string;
}

function underLock(context: Context, { id, why }: Removal, signal: AbortSignal): Promise<void> {
  const { driver, store, index, deadlines, clock, operations } = context;
  return operations.run(
    id,
    async () => {
      const record = store.get(id);
      const removal = await driver.destroy(id, signal);
      if (removal === 'absent' && isUnproven(context, record, why)) {
        await bury(context, id);
      } else {
        await store.remove(id);
        index.apply({ type: 'gone', id, readAt: clock.now() });
      }
      deadlines.set(id, undefined);
      index.touch(id);
    },
    signal,
  );
}

/** It was on an engine, and nothing but its absence says that it is not any more. */
function isUnproven({ index }: Context, record: SandboxRecord | undefined, why: string): boolean {
  if (record?.provisioning.phase !== 'ready' || index.wasRemoved(record.id)) return false;
  return why !== 'lost' && why !== 'removed_outside';
}

/**
 * The engine may have lost it only for a time: what was removed meanwhile must not come back with it. Its id is enough
 * for that; what a client deleted is not kept, and its environment may hold secrets.
 */
async function bury({ store, clock }: Context, id: SandboxId): Promise<void> {
  await store.update(id, (current) => ({
    ...current,
    spec: { ...current.spec, entrypoint: [], env: [], extensions: {} },
    metadata: {},
    buriedAt: current.buriedAt ?? clock.now(),
  }));
}

/**
 * A deadline has come: the record is read again, because it may have been prolonged since. Which of a renewal
 * and an expiry wins is decided by the store, which applies one after the other.
 */
export async function expire(context: Context, id: SandboxId): Promise<void> {
  const { store, clock, deadlines } = context;
  if (store.get(id) === undefined) return;
  const now = clock.now();
  const isDue = (record: SandboxRecord): boolean => (removalDueAt(context, record) ?? Infinity) <= now;
  const record = await store.update(id, (current) =>
    current.intent !== 'destroy' && isDue(current) ? { ...current, intent: 'destroy' } : current,
  );
  if (record.intent === 'destroy') {
    await remove(context, id, record.provisioning.phase === 'failed' ? 'failed' : 'expired');
  } else if (!deadlines.has(id)) {
    deadlines.set(id, removalDueAt(context, record));
  }
}
