import type { Backoff, KeyedLock } from '@opensandbox/base';
import { backoffMs, isFault, sleep, toFault } from '@opensandbox/base';
import type { Context } from '../lifecycle/context.ts';
import { removeLeftover } from './capture.ts';
import { markAndDiscard } from './discard.ts';
import { nowMicros } from './require-snapshot.ts';
import type { SnapshotRecord } from './snapshot.ts';

const RETRY_FIRST_MS = 10_000;
const RETRY_LONGEST_MS = 300_000;
/** An engine may finish a capture long after it was given up; for this long what it makes then is removed. */
const LATE_MICROS = 3_600_000_000;

export interface Tending {
  readonly context: Context;
  readonly locks: KeyedLock<string>;
  /** Hears of each snapshot that went by itself. */
  readonly onRemoved: (id: string) => void;
  /** Deleted, while an engine may still finish what was given up. */
  readonly late: Map<string, SnapshotRecord>;
}

/** What was tried without being the end of it, and when it is tried again, epoch ms. */
type Retries = Map<string, { readonly failures: number; readonly at: number }>;

/**
 * Level-based repair of snapshots, as often as the sweep: takes removals up again, finds out about captures that
 * nobody follows, removes what the engine finished too late. The first round takes place at once.
 */
export async function tend(tending: Tending, signal: AbortSignal): Promise<void> {
  const { late } = tending;
  const { clock, options, snapshotStore } = tending.context;
  const retries: Retries = new Map();
  const isOver = (): boolean => signal.aborted;
  while (!isOver()) {
    for (const record of snapshotStore.list())
      if (!isOver()) await tendOne(tending, record, { retries, signal });
    for (const [id, record] of late) {
      if (!isOver() && snapshotStore.get(id) === undefined)
        await tendOne(tending, record, { retries, signal });
      if (!mayComeLate(tending.context, record)) late.delete(id);
    }
    for (const id of retries.keys())
      if (snapshotStore.get(id) === undefined && !late.has(id)) retries.delete(id);
    await sleep(clock, options.sweepIntervalMs, signal).catch(() => undefined);
  }
}

async function tendOne(
  tending: Tending,
  record: SnapshotRecord,
  { retries, signal }: { readonly retries: Retries; readonly signal: AbortSignal },
): Promise<void> {
  const { context } = tending;
  const { clock, random } = context;
  const { id } = record;
  adoptCapture(context, record);
  const known = retries.get(id);
  if (!needsWork(context, record) || (known !== undefined && known.at > clock.now())) return;
  if (record.state === 'Failed') await removeLeftover(context, id);
  else if (await isRemoved(tending, id, signal)) return;
  const failures = (known?.failures ?? 0) + 1;
  const backoff: Backoff = { firstMs: RETRY_FIRST_MS, longestMs: RETRY_LONGEST_MS, jitter: 0.2, random };
  retries.set(id, { failures, at: clock.now() + backoffMs(backoff, failures) });
}

function needsWork(context: Context, record: SnapshotRecord): boolean {
  return record.state === 'Deleting' || mayComeLate(context, record);
}

/** Its capture was given up, not necessarily by the engine. */
export function mayComeLate(context: Context, record: SnapshotRecord): boolean {
  return record.state === 'Failed' && isRecent(context, record);
}

async function isRemoved(
  { context, locks, onRemoved }: Tending,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await locks.run(id, () => markAndDiscard(context, id, signal), signal);
    onRemoved(id);
    return true;
  } catch (error) {
    const isInUse = isFault(error, 'conflict');
    if (!isInUse && !signal.aborted) {
      context.log.warn('snapshot.remove_failed', { snapshotId: id, error: toFault(error) });
    }
    return false;
  }
}

/** A capture that nobody follows: its end could not be recorded, or another server began it. */
export function adoptCapture(context: Context, { id, sandboxId, state }: SnapshotRecord): void {
  const { captures, recoveries } = context;
  if (state !== 'Creating' || captures.has(id) || recoveries.has(id)) return;
  recoveries.add({ snapshotId: id, sandboxId });
}

function isRecent(context: Context, { transitionAt, createdAt }: SnapshotRecord): boolean {
  return nowMicros(context) - (transitionAt ?? createdAt) < LATE_MICROS;
}
