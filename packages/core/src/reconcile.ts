import { isFault, toFault } from '@opensandbox/base';
import type { Context } from './lifecycle/context.ts';
import { removalDueAt } from './lifecycle/context.ts';
import { remove } from './lifecycle/destroy.ts';
import { startProvisioning } from './lifecycle/provision.ts';
import type { Intent, Observation, SandboxClaim, SandboxId, SandboxRecord } from './sandbox.ts';

export interface Situation {
  readonly record: SandboxRecord | undefined;
  readonly seen: Observation | undefined;
  /** Something works on this sandbox; whatever looks odd is its doing. */
  readonly isBusy: boolean;
  /** The engine does not have it, and that is more than missing news. */
  readonly isProvenAbsent: boolean;
  /** A removal that failed waits for its next attempt. */
  readonly isRetrying: boolean;
}

export type Repair =
  | { readonly do: 'nothing' }
  | { readonly do: 'adopt'; readonly seen: Observation; readonly claim: SandboxClaim }
  | { readonly do: 'remove'; readonly why: string }
  | { readonly do: 'provision' }
  | { readonly do: 'clean-up' }
  | { readonly do: 'follow-drift'; readonly intent: Intent };

const NOTHING: Repair = { do: 'nothing' };

/** What has to happen so that record and engine agree again. Level-based: asked at any time, it repairs. */
export function repairFor(situation: Situation): Repair {
  const { record, seen, isBusy } = situation;
  if (isBusy) return NOTHING;
  if (record === undefined) {
    return seen?.claim === undefined ? NOTHING : { do: 'adopt', seen, claim: seen.claim };
  }
  if (record.intent === 'destroy') {
    return situation.isRetrying ? NOTHING : { do: 'remove', why: 'deleted' };
  }
  switch (record.provisioning.phase) {
    case 'pending':
      return { do: 'provision' };
    case 'failed':
      return seen === undefined ? NOTHING : { do: 'clean-up' };
    case 'ready':
      if (seen === undefined) return situation.isProvenAbsent ? { do: 'remove', why: 'lost' } : NOTHING;
      if (record.intent === 'run' && seen.phase === 'paused') return { do: 'follow-drift', intent: 'pause' };
      if (record.intent === 'pause' && seen.phase === 'running') return { do: 'follow-drift', intent: 'run' };
      return NOTHING;
  }
}

/** Looks at one sandbox and starts the repair. Resolves when what concerns the record is durable. */
export async function reconcile(context: Context, id: SandboxId): Promise<void> {
  const repair = repairFor(situationOf(context, id));
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
      if (repair.why === 'lost') log.warn('sandbox.lost');
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
    case 'follow-drift':
      return followDrift(context, id, repair.intent);
  }
}

function situationOf(context: Context, id: SandboxId): Situation {
  const { store, index, operations, deadlines } = context;
  const record = store.get(id);
  const since = record?.provisioning.phase === 'ready' ? record.provisioning.at : Infinity;
  return {
    record,
    seen: index.get(id),
    isBusy: operations.isBusy(id),
    isProvenAbsent: index.isProvenAbsent(id, since),
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

/** Somebody paused or thawed it at the engine: that is what is wanted now. */
async function followDrift(context: Context, id: SandboxId, intent: Intent): Promise<void> {
  await context.store.update(id, (current) =>
    current.intent === 'destroy' || current.intent === intent ? current : { ...current, intent },
  );
  context.index.touch(id);
  context.log.info('sandbox.drifted', { sandboxId: id, intent });
}
