import { abortable, isFault } from '@opensandbox/base';
import type { SandboxId, SandboxRecord } from '../sandbox.ts';
import type { Context } from './context.ts';
import { removalDueAt, requireRecord } from './context.ts';

/** Removes on a client's behalf. A client that leaves ends its waiting, not the removal. */
export async function destroy(context: Context, id: SandboxId, signal: AbortSignal): Promise<void> {
  requireRecord(context, id);
  await abortable(remove(context, id, 'deleted'), signal);
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
      await underLock(context, id, signal);
    } catch (error) {
      context.deadlines.retry(id);
      throw error;
    }
    context.log.info('sandbox.removed', { sandboxId: id, why, durationMs: context.clock.now() - began });
  });
}

function underLock(context: Context, id: SandboxId, signal: AbortSignal): Promise<void> {
  const { driver, store, index, deadlines, clock, operations } = context;
  return operations.run(
    id,
    async () => {
      await driver.destroy(id, signal);
      await store.remove(id);
      deadlines.set(id, undefined);
      index.apply({ type: 'gone', id, readAt: clock.now() });
      index.touch(id);
    },
    signal,
  );
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
