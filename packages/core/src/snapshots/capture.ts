import { isFault, sleep, toFault } from '@opensandbox/base';
import type { Context } from '../lifecycle/context.ts';
import { notFound } from '../lifecycle/context.ts';
import type { CaptureProgress, Captured, CaptureWish } from '../ports/snapshots.ts';
import type { SandboxId } from '../sandbox.ts';
import { discard } from './discard.ts';
import { explain, nowMicros, requireFacet } from './require-snapshot.ts';
import type { SnapshotEvent } from './snapshot.ts';
import { nextSnapshot } from './snapshot.ts';

type Report = (progress: CaptureProgress) => void;

const POLL_MS = 500;

/** Captures one sandbox and records how that ended. Never rejects. */
export async function capture(
  context: Context,
  task: { readonly wish: CaptureWish; readonly report: Report },
  signal: AbortSignal,
): Promise<void> {
  const { wish } = task;
  let beganAt = context.clock.now();
  let event: SnapshotEvent;
  try {
    await untilRecovered(context, task, signal);
    beganAt = context.clock.now();
    const captured = await captureUnderLock(context, task);
    event = { type: 'captured', reason: 'snapshot_runtime_ready', ...captured };
    context.log.info('snapshot.ready', { ...wish, durationMs: context.clock.now() - beganAt });
  } catch (error) {
    if (signal.aborted) return; // the server ends: the next start finds out what became of it
    if (isFault(error, 'unavailable')) {
      // The link broke, not necessarily the capture: what the engine has, once it answers again, decides.
      context.recoveries.add(wish);
      return;
    }
    const { code } = toFault(error);
    context.log.warn('snapshot.failed', { ...wish, code, error });
    event = failureOf(context, error, beganAt);
  }
  await settle(context, wish, event);
}

/** The engine may go on with an earlier capture whose link broke, and thaws the sandbox when that ends. */
async function untilRecovered(
  { clock, recoveries }: Context,
  { wish, report }: { readonly wish: CaptureWish; readonly report: Report },
  signal: AbortSignal,
): Promise<void> {
  while (recoveries.isWanted(wish.sandboxId)) {
    report({ message: 'Waiting for an earlier snapshot of the sandbox', bytes: undefined });
    await sleep(clock, POLL_MS, signal);
  }
}

/** Under the sandbox's lock: it is not paused, resumed or removed while the engine copies its files. */
function captureUnderLock(
  context: Context,
  { wish, report }: { readonly wish: CaptureWish; readonly report: Report },
): Promise<Captured> {
  const { sandboxId } = wish;
  return context.operations.start(sandboxId, async (signal) => {
    const record = context.store.get(sandboxId);
    if (record === undefined || record.intent === 'destroy') throw notFound(sandboxId);
    try {
      return await requireFacet(context).capture(wish, report, signal);
    } finally {
      await restoreSource(context, sandboxId, signal);
    }
  });
}

function failureOf(context: Context, error: unknown, beganAt: number): SnapshotEvent {
  if (isFault(error, 'timeout')) {
    const seconds = Math.round((context.clock.now() - beganAt) / 1000);
    const message = `Snapshot creation timed out after ${seconds} seconds. ${error.message}`;
    return { type: 'failed', reason: 'snapshot_runtime_timeout', message };
  }
  return { type: 'failed', reason: 'snapshot_runtime_failed', message: explain(context, error) };
}

/** Records how a capture ended. What nobody wants any more is removed. */
export async function settle(
  context: Context,
  { snapshotId }: CaptureWish,
  event: SnapshotEvent,
): Promise<void> {
  const { snapshotStore, log } = context;
  const at = nowMicros(context);
  try {
    const settled = await snapshotStore.update(
      snapshotId,
      (current) => nextSnapshot(current, event, at) ?? current,
    );
    if (settled.state === 'Deleting') await discard(context, snapshotId, new AbortController().signal);
  } catch (error) {
    if (isFault(error, 'not_found')) await removeLeftover(context, snapshotId);
    // Still Creating in the store, or Deleting: the tending takes it up again.
    else log.error('snapshot.settle_failed', { snapshotId, error: toFault(error) });
  }
}

export async function removeLeftover(context: Context, snapshotId: string): Promise<void> {
  try {
    await requireFacet(context).remove(snapshotId, new AbortController().signal);
  } catch (error) {
    context.log.warn('snapshot.clean_up_failed', { snapshotId, error: toFault(error) });
  }
}

/**
 * The engine freezes what it captures and thaws it by itself, unless it died meanwhile or is still at it after its
 * time. Call it under the sandbox's lock, before the capture counts as ended.
 */
export async function restoreSource(context: Context, id: SandboxId, signal: AbortSignal): Promise<void> {
  const { driver, store, index, log } = context;
  const isWanted = (): boolean => store.get(id)?.intent === 'run';
  if (!isWanted()) return;
  try {
    let seen = await driver.inspect(id, signal);
    if (seen?.phase === 'paused' && isWanted() && driver.pausing !== undefined) {
      log.warn('snapshot.source_thawed', { sandboxId: id });
      seen = await driver.pausing.resume(id, signal);
    }
    if (seen !== undefined) index.apply({ type: 'observed', observation: seen });
  } catch (error) {
    if (!signal.aborted) log.warn('snapshot.source_unknown', { sandboxId: id, error: toFault(error) });
  }
}
