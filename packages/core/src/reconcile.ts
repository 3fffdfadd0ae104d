import { isFault, toFault } from '@opensandbox/base';
import type { Context } from './lifecycle/context.ts';
import { removalDueAt } from './lifecycle/context.ts';
import { remove } from './lifecycle/destroy.ts';
import { startProvisioning } from './lifecycle/provision.ts';
import type { Situation } from './repair.ts';
import { repairFor } from './repair.ts';
import { isCapturing } from './snapshots/capture-queue.ts';
import type { Intent, Loss, Observation, SandboxClaim, SandboxId, SandboxRecord } from './sandbox.ts';

/** Repairs each of them. One that cannot be repaired now keeps no other from it; the sweep comes back to it. */
export async function reconcileAll(context: Context, ids: Iterable<SandboxId>): Promise<void> {
  const oldest = oldestShown(context);
  const attempts = [...ids].map(async (id) => {
    try {
      await reconcile(context, id, oldest);
    } catch (error) {
      if (isFault(error, 'not_found')) return; // removed meanwhile
      context.log.warn('sandbox.repair_failed', { sandboxId: id, error: toFault(error) });
    }
  });
  await Promise.all(attempts);
}

/** When the oldest of the sandboxes that the engine has was ready. */
type OldestShown = () => number | undefined;

/** Looks through all records, once and only when something is missing. */
function oldestShown({ store, index }: Context): OldestShown {
  let known: { readonly at: number | undefined } | undefined;
  return () => {
    if (known !== undefined) return known.at;
    let oldest: number | undefined;
    for (const { id, provisioning } of store.list()) {
      if (provisioning.phase !== 'ready' || index.get(id) === undefined) continue;
      oldest = Math.min(oldest ?? provisioning.at, provisioning.at);
    }
    known = { at: oldest };
    return oldest;
  };
}

/** Looks at one sandbox and starts the repair. Resolves when what concerns the record is durable. */
async function reconcile(context: Context, id: SandboxId, oldest: OldestShown): Promise<void> {
  const repair = repairFor(situationOf(context, id, oldest));
  const log = context.log.child({ sandboxId: id });
  switch (repair.do) {
    case 'nothing':
      return;
    case 'adopt':
      return adopt(context, repair.seen, repair.claim);
    case 'provision':
      startProvisioning(context, id);
      return;
    case 'remove':
      // Not awaited: the engine may take its time. After a failure it is tried again by itself.
      void remove(context, id, repair.why).catch((error: unknown) => {
        log.warn('sandbox.remove_failed', { error: toFault(error) });
      });
      return;
    case 'clean-up':
      void cleanUp(context, id).catch((error: unknown) => {
        log.warn('sandbox.clean_up_failed', { error: toFault(error) });
      });
      return;
    case 'mark-lost':
      return markLost(context, id, repair.loss);
    case 'mark-found':
      await markFound(context, id);
      return reconcile(context, id, oldest); // it may have been paused or thawed meanwhile
    case 'forget':
      return context.store.remove(id);
    case 'follow-drift':
      return followDrift(context, id, repair.intent);
  }
}

function situationOf(context: Context, id: SandboxId, oldest: OldestShown): Situation {
  const { store, index, operations, deadlines } = context;
  const record = store.get(id);
  const since = record?.provisioning.phase === 'ready' ? record.provisioning.at : Infinity;
  const listedAt = index.missingAt(id, since);
  return {
    record,
    seen: index.get(id),
    isBusy: operations.isBusy(id) || isCapturing(context, id),
    wasRemoved: index.wasRemoved(id),
    lack: listedAt === undefined ? undefined : { listedAt, oldestShownAt: oldest() },
    isRetrying: deadlines.isRetrying(id),
  };
}

/** The engine has it, nobody here remembers it: another server made it, or this one lost its store. */
async function adopt(context: Context, seen: Observation, claim: SandboxClaim): Promise<void> {
  const { store, deadlines, index, log } = context;
  const record: SandboxRecord = {
    id: seen.id,
    spec: claim.spec,
    intent: seen.phase === 'paused' ? 'pause' : 'run',
    metadata: claim.metadata,
    createdAt: claim.createdAt,
    expiresAt: claim.expiresAt,
    provisioning: { phase: 'ready', at: seen.readAt },
    revision: 1,
  };
  try {
    await store.insert(record);
  } catch (error) {
    if (isFault(error, 'conflict')) return;
    throw error;
  }
  deadlines.set(record.id, removalDueAt(context, record));
  index.touch(record.id);
  log.info('sandbox.adopted', { sandboxId: record.id });
}

/** Provisioning failed, yet the engine shows something: it was out of reach when it should have cleaned up. */
async function cleanUp(context: Context, id: SandboxId): Promise<void> {
  const { operations, driver, index, clock } = context;
  await operations.start(id, async (signal) => {
    await driver.destroy(id, signal);
    index.apply({ type: 'gone', id, readAt: clock.now() });
  });
}

/** The record stays as it is, with its deadline: the engine may show the sandbox again. */
async function markLost(context: Context, id: SandboxId, loss: Loss): Promise<void> {
  const isNew = context.store.get(id)?.lost === undefined;
  await context.store.update(id, (current) =>
    current.intent === 'destroy' ? current : { ...current, lost: loss },
  );
  context.index.touch(id);
  if (isNew) context.log.warn('sandbox.lost', { sandboxId: id });
}

async function markFound(context: Context, id: SandboxId): Promise<void> {
  await context.store.update(id, (current) =>
    current.lost === undefined ? current : { ...current, lost: undefined },
  );
  context.index.touch(id);
  context.log.info('sandbox.found', { sandboxId: id });
}

/** Somebody paused or thawed it at the engine: that is what is wanted now. */
async function followDrift(context: Context, id: SandboxId, intent: Intent): Promise<void> {
  await context.store.update(id, (current) =>
    current.intent === 'destroy' || current.intent === intent ? current : { ...current, intent },
  );
  context.index.touch(id);
  context.log.info('sandbox.drifted', { sandboxId: id, intent });
}
