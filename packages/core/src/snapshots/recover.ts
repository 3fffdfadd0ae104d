import type { Backoff } from '@opensandbox/base';
import { backoffMs, isFault, sleep } from '@opensandbox/base';
import type { Context } from '../lifecycle/context.ts';
import type { CaptureProgress, Captured, CaptureWish } from '../ports/snapshots.ts';
import { restoreSource, settle } from './capture.ts';
import { explain, requireFacet } from './require-snapshot.ts';
import type { SnapshotEvent } from './snapshot.ts';

type Report = (progress: CaptureProgress) => void;

/** Finds out what became of a capture whose caller is gone, and records it. Never rejects. */
export async function recover(
  context: Context,
  task: { readonly wish: CaptureWish; readonly report: Report },
  signal: AbortSignal,
): Promise<void> {
  const { wish } = task;
  let event: SnapshotEvent;
  try {
    event = eventOf(await recoverWhenReachable(context, task, signal));
  } catch (error) {
    if (signal.aborted) return;
    const isOurs = isFault(error, 'internal') && error.code === 'internal.unexpected';
    const reason =
      isFault(error) && !isOurs ? 'snapshot_recovery_inspect_failed' : 'snapshot_recovery_failed';
    event = { type: 'failed', reason, message: explain(context, error) };
  }
  await context.operations
    .start(wish.sandboxId, (own) => restoreSource(context, wish.sandboxId, own))
    .catch(() => undefined); // only the server's end gets here
  if (signal.aborted) return;
  context.log.info('snapshot.recovered', { ...wish, outcome: event.type });
  await settle(context, wish, event);
}

function eventOf(captured: Captured | undefined): SnapshotEvent {
  if (captured !== undefined) return { type: 'captured', reason: 'snapshot_recovery_ready', ...captured };
  const message =
    'The server was stopped, or lost its engine, before the snapshot was made. Take the snapshot again.';
  return { type: 'failed', reason: 'snapshot_recovery_missing_image', message };
}

/** Each is as long as a capture may take. */
const MOST_TIMEOUTS = 10;

/**
 * An engine that is away says nothing about what it has. One that answers everything but this would keep the snapshot
 * from ever being deleted, and its sandbox from being paused: it is given up at last.
 */
async function recoverWhenReachable(
  context: Context,
  { wish, report }: { readonly wish: CaptureWish; readonly report: Report },
  signal: AbortSignal,
): Promise<Captured | undefined> {
  const { clock, random } = context;
  const backoff: Backoff = { firstMs: 500, longestMs: 30_000, jitter: 0.2, random };
  const facet = requireFacet(context);
  let timeouts = 0;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await facet.recover(wish, report, signal);
    } catch (error) {
      if (isFault(error, 'timeout')) timeouts += 1;
      else if (!isFault(error, 'unavailable')) throw error;
      if (timeouts === MOST_TIMEOUTS) throw error;
    }
    report({ message: 'Waiting for the engine to answer', bytes: undefined });
    await sleep(clock, backoffMs(backoff, attempt), signal);
  }
}
