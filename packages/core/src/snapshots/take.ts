import { Fault, isFault } from '@opensandbox/base';
import type { Context } from '../lifecycle/context.ts';
import { requireRecord, view } from '../lifecycle/context.ts';
import type { SandboxId } from '../sandbox.ts';
import { requireFacet } from './require-snapshot.ts';
import type { SnapshotRecord } from './snapshot.ts';
import { acceptedSnapshot } from './snapshot.ts';

/** Most captures that wait at the same time. Each needs as long as its file system takes; a longer queue is a mistake. */
const LONGEST_QUEUE = 1000;
const CAPTURABLE: ReadonlySet<string> = new Set(['Running', 'Paused']);

export interface TakeWish {
  readonly sandboxId: SandboxId;
  readonly name: string | undefined;
  /** Epoch microseconds. */
  readonly at: number;
}

/** Accepts and records; the capture happens in the background, when it is its turn. */
export async function take(context: Context, wish: TakeWish): Promise<SnapshotRecord> {
  const { sandboxId, name, at } = wish;
  const { state } = view(context, requireRecord(context, sandboxId)).status;
  if (!CAPTURABLE.has(state)) throw wrongState(state);
  requireFacet(context);
  if (context.captures.length >= LONGEST_QUEUE) throw queueFull();
  const record = acceptedSnapshot({ id: context.newId(), sandboxId, name }, at);
  const { id } = record;
  try {
    await context.snapshotStore.insert(record);
  } catch (error) {
    // A store that failed may have kept it all the same: nobody knows of it, so it must not stay.
    if (!isFault(error, 'conflict')) void context.snapshotStore.remove(id).catch(() => undefined);
    throw error;
  }
  context.log.info('snapshot.accepted', { snapshotId: id, sandboxId });
  context.captures.add({ snapshotId: id, sandboxId });
  return record;
}

function wrongState(state: string): Fault {
  const message = `Snapshot can only be created from a Running sandbox, or from a Paused one. This one is ${state}.`;
  return new Fault('conflict', 'snapshot.source_state', message);
}

function queueFull(): Fault {
  const message = `${LONGEST_QUEUE} snapshots are waiting already. Try again when some of them are made.`;
  return new Fault('exhausted', 'snapshot.queue_full', message, { retryAfterMs: 10_000 });
}
