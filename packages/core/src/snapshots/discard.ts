import { Fault, isFault } from '@opensandbox/base';
import type { Context } from '../lifecycle/context.ts';
import { nowMicros, requireFacet } from './require-snapshot.ts';
import type { SnapshotRecord } from './snapshot.ts';
import { nextSnapshot } from './snapshot.ts';

/** Records that a snapshot is to go, then removes it. The record stays until nothing is left of it. */
export async function markAndDiscard(context: Context, id: string, signal: AbortSignal): Promise<void> {
  requireFacet(context);
  const at = nowMicros(context);
  try {
    await context.snapshotStore.update(id, (current) => {
      const next = nextSnapshot(current, { type: 'delete' }, at);
      if (next === undefined) throw notNow(current);
      return next;
    });
  } catch (error) {
    if (isFault(error, 'not_found')) return; // somebody else was faster
    throw error;
  }
  await discard(context, id, signal);
}

/** Removes what is left of a snapshot that is `Deleting`. */
export async function discard(context: Context, id: string, signal: AbortSignal): Promise<void> {
  if (isBeingRestored(context, id)) throw inUse();
  await requireFacet(context).remove(id, signal);
  await context.snapshotStore.remove(id);
  context.log.info('snapshot.removed', { snapshotId: id });
}

/** A sandbox was promised from it, and the engine does not use the image for it yet. */
function isBeingRestored({ store, restoring }: Context, id: string): boolean {
  if ([...restoring.values()].includes(id)) return true;
  return store.list().some(({ intent, provisioning, spec: { source } }) => {
    const isOnItsWay = intent !== 'destroy' && provisioning.phase === 'pending';
    return isOnItsWay && source.kind === 'snapshot' && source.snapshotId === id;
  });
}

function notNow({ id, state }: SnapshotRecord): Fault {
  const why =
    state === 'Creating'
      ? 'is still being created and cannot be deleted'
      : `is in the state '${state}', which another program wrote, and cannot be deleted`;
  return new Fault('conflict', 'snapshot.state', `Snapshot ${id} ${why}`);
}

function inUse(): Fault {
  const message =
    'snapshot image cannot be deleted due to a conflict: a sandbox is being restored from it. The snapshot goes by ' +
    'itself when the last sandbox that uses it is deleted.';
  return new Fault('conflict', 'snapshot.delete_conflict', message);
}
