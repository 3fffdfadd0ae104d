import type { CaptureProgress, CaptureWish, FaultCode } from '@opensandbox/core/ports';
import { abortable, Fault, sleep } from '@opensandbox/base';
import type { ContainerInspect } from '../engine/answers.ts';
import { named, orAbsent, sandboxMissing } from '../faults.ts';
import { findContainer } from '../lookup.ts';
import { formatCommitChanges } from './commit-changes.ts';
import { draftConfig, SNAPSHOT_REPOSITORY } from './image-config.ts';
import type { SnapshotsContext } from './snapshots-context.ts';

interface CommitTask {
  readonly wish: CaptureWish;
  readonly report: (progress: CaptureProgress) => void;
}

/** What takes longer than this is worth a look at how much there is. */
const LOOK_AFTER_MS = 2_000;

/**
 * Commits the container of a sandbox. Engines go on with a commit whose caller hung up, so the call itself is never
 * aborted: an aborted caller stops waiting.
 */
export async function commit(
  context: SnapshotsContext,
  { wish, report }: CommitTask,
  signal: AbortSignal,
): Promise<void> {
  const { engine } = context;
  const container = await findSource(context, wish, signal);
  const failed = `Failed to commit sandbox ${wish.sandboxId}`;
  const base = await named(
    'snapshot.failed',
    failed,
    orAbsent(engine.inspectImage(container.Image ?? '', signal)),
  );
  report({ message: 'Committing the file system', bytes: undefined });
  const config = draftConfig(container, base, wish.snapshotId);
  const request = {
    container: container.Id,
    repository: SNAPSHOT_REPOSITORY,
    tag: wish.snapshotId,
    config,
    changes: formatCommitChanges(container.Config, config),
  };
  const call = (): Promise<void> => engine.commit(request, new AbortController().signal);
  const committing = context.commits.run(container.Id, call, signal);
  const looking = new AbortController();
  void reportSize(context, { container: container.Id, report }, looking.signal).catch(() => undefined);
  try {
    await named('snapshot.failed', failed, abortable(committing, signal));
  } finally {
    looking.abort();
  }
}

async function findSource(
  context: SnapshotsContext,
  { sandboxId }: CaptureWish,
  signal: AbortSignal,
): Promise<ContainerInspect> {
  const finding = findContainer(context, sandboxId, signal);
  const container = await named('sandbox.query_failed', 'Failed to query the sandbox', finding);
  if (container === undefined) throw sandboxMissing(sandboxId);
  const { Running: isRunning, Status: status = 'unknown' } = container.State;
  if (isRunning === true) return container;
  const message = `Sandbox ${sandboxId} is '${status}' by now: only what runs, or is paused, can be captured.`;
  throw new Fault('conflict', 'snapshot.source_state' satisfies FaultCode, message);
}

/** Beside a commit, which reads and writes all of the data, looking at the names and sizes costs nothing. */
async function reportSize(
  { engine, clock }: SnapshotsContext,
  { container, report }: { readonly container: string; readonly report: CommitTask['report'] },
  signal: AbortSignal,
): Promise<void> {
  await sleep(clock, LOOK_AFTER_MS, signal);
  const bytes = await engine.containerSize(container, signal);
  if (!signal.aborted) report({ message: 'Committing the file system', bytes });
}
