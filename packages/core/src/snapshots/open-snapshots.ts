import type { Clock, Scope } from '@opensandbox/base';
import { createKeyedLock, isFault } from '@opensandbox/base';
import type { Context } from '../lifecycle/context.ts';
import { capture } from './capture.ts';
import type { CaptureQueues, RunCapture } from './capture-queue.ts';
import { openCaptureQueue } from './capture-queue.ts';
import { markAndDiscard } from './discard.ts';
import { querySnapshots } from './query-snapshots.ts';
import { recover } from './recover.ts';
import { imageOf, nowMicros, requireSnapshot } from './require-snapshot.ts';
import type { SnapshotRecord } from './snapshot.ts';
import type { Snapshots } from './snapshots.ts';
import { take } from './take.ts';
import { adoptCapture, mayComeLate, tend } from './tend.ts';

const WORKERS = 2;
/** They mostly look and wait. */
const RECOVERERS = 8;

/** `context` is asked for when the first capture runs: it holds these queues itself. */
export function openCaptureQueues(clock: Clock, context: () => Context, scope: Scope): CaptureQueues {
  const begin: RunCapture = (wish, report, signal) => capture(context(), { wish, report }, signal);
  const takeUp: RunCapture = (wish, report, signal) => recover(context(), { wish, report }, signal);
  return {
    captures: openCaptureQueue({ clock, workers: WORKERS, run: begin }, scope),
    recoveries: openCaptureQueue({ clock, workers: RECOVERERS, run: takeUp }, scope),
  };
}

/** Takes up what somebody who is gone had begun. */
export function adoptCaptures(context: Context): void {
  if (context.driver.snapshots === undefined) return;
  for (const record of context.snapshotStore.list()) adoptCapture(context, record);
}

/** Starts what looks after the snapshots by itself, and serves. Nothing here waits for the engine. */
export function openSnapshots(context: Context, scope: Scope): Snapshots {
  const { snapshotStore, driver } = context;
  const locks = createKeyedLock<string>();
  const promised = createPromises();
  const late = new Map<string, SnapshotRecord>();
  const stamp = createStamp(context);
  if (driver.snapshots !== undefined) {
    const onRemoved = (id: string): void => promised.kept(id);
    scope.run('snapshots', (signal) => tend({ context, locks, onRemoved, late }, signal));
  }
  return {
    create: (sandboxId, name) => take(context, { sandboxId, name, at: stamp() }),
    get: (id) => shown(context, requireSnapshot(context, id)),
    list(query) {
      const page = querySnapshots(snapshotStore.list(), query);
      return { ...page, items: page.items.map((record) => shown(context, record)) };
    },
    async remove(id, signal) {
      if (snapshotStore.get(id) === undefined && promised.isKept(id)) return;
      const record = requireSnapshot(context, id);
      if (mayComeLate(context, record)) late.set(id, record);
      try {
        await locks.run(id, () => markAndDiscard(context, id, signal), signal);
      } catch (error) {
        if (isFault(error) && error.code === 'snapshot.delete_conflict') promised.given(id);
        throw error;
      }
    },
    imageOf: (id) => imageOf(requireSnapshot(context, id)),
  };
}

/** Progress is told in the message; it is nowhere kept. */
function shown({ captures, recoveries }: Context, record: SnapshotRecord): SnapshotRecord {
  if (record.state !== 'Creating') return record;
  const message = captures.note(record.id) ?? recoveries.note(record.id);
  return message === undefined ? record : { ...record, message };
}

/** Moments of creation, each a microsecond after the one before at least: lists keep the order of the requests. */
function createStamp(context: Context): () => number {
  let last = 0;
  return () => {
    const now = nowMicros(context);
    last = last >= now && last < now + 1000 ? last + 1 : now;
    return last;
  };
}

const MOST_PROMISES = 1000;

/**
 * Whoever was told that a snapshot cannot be deleted yet is told to try again. When it has gone by itself meanwhile,
 * the next try has succeeded: it does not meet an unknown snapshot. Of no consequence after a restart.
 */
function createPromises() {
  const states = new Map<string, 'given' | 'kept'>();
  return {
    given(id: string): void {
      const oldest = states.keys().next();
      if (states.size >= MOST_PROMISES && oldest.done !== true) states.delete(oldest.value);
      states.set(id, 'given');
    },
    kept(id: string): void {
      if (states.has(id)) states.set(id, 'kept');
    },
    /** Answers `true` once. */
    isKept(id: string): boolean {
      return states.get(id) === 'kept' && states.delete(id);
    },
  };
}
