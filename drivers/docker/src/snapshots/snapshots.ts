import type {
  Captured,
  CaptureProgress,
  CaptureWish,
  FaultCode,
  SnapshotFacet,
} from '@opensandbox/core/ports';
import { createKeyedLock, deadline, isFault, Fault, sleep } from '@opensandbox/base';
import { engineTimeout, named, orAbsent, orAlready } from '../faults.ts';
import { findContainer } from '../lookup.ts';
import { LABEL } from '../names.ts';
import { commit } from './commit.ts';
import { DRAFT_LABEL, snapshotImage } from './image-config.ts';
import { seal } from './seal.ts';
import type { SnapshotsContext } from './snapshots-context.ts';

type Report = (progress: CaptureProgress) => void;

const MESSAGE = 'Docker snapshot image created successfully.';
const POLL_MS = 500;

/** Snapshots as local images: `docker commit`, without anything of the sandbox but its files. */
export function createSnapshots(parts: Omit<SnapshotsContext, 'commits'>): SnapshotFacet {
  const context = { ...parts, commits: createKeyedLock<string>() };
  return {
    capture: (wish, report, signal) => capture(context, { wish, report }, signal),
    recover: (wish, report, signal) => recover(context, { wish, report }, signal),
    remove: (snapshotId, signal) => remove(context, snapshotId, signal),
  };
}

interface Task {
  readonly wish: CaptureWish;
  readonly report: Report;
}

async function capture(context: SnapshotsContext, task: Task, signal: AbortSignal): Promise<Captured> {
  const { clock, apiTimeoutMs } = context;
  const { snapshotId } = task.wish;
  const late = (): Fault => engineTimeout('the commit of the file system', apiTimeoutMs);
  using limit = deadline(clock, apiTimeoutMs, signal, late);
  await commit(context, task, limit.signal);
  task.report({ message: 'Finishing the image', bytes: undefined });
  const captured = await finish(context, snapshotId, limit.signal);
  if (captured !== undefined) return captured;
  const message = 'Failed to create the snapshot: the engine does not have its image after the commit.';
  throw new Fault('internal', 'snapshot.failed' satisfies FaultCode, message);
}

/** The image of a commit that has ended; `undefined` when there is none. */
async function finish(
  context: SnapshotsContext,
  snapshotId: string,
  signal: AbortSignal,
): Promise<Captured | undefined> {
  const image = snapshotImage(snapshotId);
  const failed = `Failed to inspect the image of snapshot ${snapshotId}`;
  const finishing = async (): Promise<Captured | undefined> => {
    const draft = await orAbsent(context.engine.inspectImage(image, signal));
    if (draft === undefined) return undefined;
    await seal(context, { snapshotId, draft }, signal);
    return { image, message: MESSAGE };
  };
  return named('snapshot.failed', failed, finishing());
}

/** An engine shows a container as paused as long as it commits it: that is all it tells. */
async function recover(
  context: SnapshotsContext,
  { wish, report }: Task,
  signal: AbortSignal,
): Promise<Captured | undefined> {
  const { clock, apiTimeoutMs } = context;
  const endsAt = clock.now() + apiTimeoutMs;
  for (;;) {
    // The container first: a commit that ends between the two questions has left its image.
    const finding = findContainer(context, wish.sandboxId, signal);
    const container = await named('snapshot.failed', 'Failed to query the sandbox', finding);
    const captured = await finish(context, wish.snapshotId, signal);
    if (captured !== undefined) {
      await removeDrafts(context, wish.snapshotId, signal);
      return captured;
    }
    if (container?.State.Paused !== true || clock.now() >= endsAt) return undefined;
    report({ message: 'Waiting for the engine to finish what it had begun', bytes: undefined });
    await sleep(clock, POLL_MS, signal);
  }
}

async function remove(context: SnapshotsContext, snapshotId: string, signal: AbortSignal): Promise<void> {
  const removing = context.engine.removeImage(snapshotImage(snapshotId), { noprune: false }, signal);
  const removed = orAbsent(removing).catch((error: unknown) => {
    throw isFault(error, 'conflict') ? inUse(error) : error;
  });
  const failed = `Failed to remove the image of snapshot ${snapshotId}`;
  await named('snapshot.failed', failed, removed);
  await named('snapshot.failed', failed, removeDrafts(context, snapshotId, signal));
}

/** What a server that was killed between two steps left of a commit: images without a name. */
async function removeDrafts(
  { engine }: SnapshotsContext,
  snapshotId: string,
  signal: AbortSignal,
): Promise<void> {
  const drafts = await engine.listImages(DRAFT_LABEL, signal);
  const own = drafts.filter(({ Labels }) => Labels?.[LABEL.snapshotId] === snapshotId);
  const nameless = own.filter(({ RepoTags }) => (RepoTags ?? []).every((tag) => tag === '<none>:<none>'));
  await Promise.all(nameless.map(({ Id }) => orAlready(engine.removeImage(Id, { noprune: true }, signal))));
}

function inUse(cause: Fault): Fault {
  const message =
    'snapshot image cannot be deleted due to a conflict: sandboxes that were restored from it still exist. The ' +
    'snapshot goes by itself when the last of them is deleted.';
  return new Fault('conflict', 'snapshot.delete_conflict' satisfies FaultCode, message, { cause });
}
