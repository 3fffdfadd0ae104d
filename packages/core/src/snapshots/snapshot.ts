import type { SandboxId } from '../sandbox.ts';

export type SnapshotState = 'Creating' | 'Ready' | 'Failed' | 'Deleting';

/** A snapshot as it is kept. Times are epoch microseconds: other servers write that finely. */
export interface SnapshotRecord {
  readonly id: string;
  readonly sandboxId: SandboxId;
  readonly name: string | undefined;
  /** What the engine restores from; known once it is Ready. */
  readonly image: string | undefined;
  /** A `SnapshotState`, unless another program wrote something else: then it is left alone. */
  readonly state: string;
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly transitionAt: number | undefined;
  readonly createdAt: number;
}

/** What happens to a snapshot. */
export type SnapshotEvent =
  | {
      readonly type: 'captured';
      readonly image: string;
      readonly reason: ReadyReason;
      readonly message: string;
    }
  | { readonly type: 'failed'; readonly reason: FailedReason; readonly message: string }
  | { readonly type: 'delete' };

type ReadyReason = 'snapshot_runtime_ready' | 'snapshot_recovery_ready';
type FailedReason =
  | 'snapshot_runtime_failed'
  | 'snapshot_runtime_timeout'
  | 'snapshot_recovery_missing_image'
  | 'snapshot_recovery_inspect_failed'
  | 'snapshot_recovery_failed';

export function acceptedSnapshot(
  wish: Pick<SnapshotRecord, 'id' | 'sandboxId' | 'name'>,
  at: number,
): SnapshotRecord {
  return {
    ...wish,
    image: undefined,
    state: 'Creating' satisfies SnapshotState,
    reason: 'snapshot_accepted',
    message: 'Snapshot creation accepted.',
    transitionAt: at,
    createdAt: at,
  };
}

/**
 * The snapshot after an event; `undefined` when its state knows no such event.
 *
 * | state, event → | captured | failed | delete   |
 * |----------------|----------|--------|----------|
 * | Creating       | Ready    | Failed | –        |
 * | Ready          | –        | –      | Deleting |
 * | Failed         | –        | –      | Deleting |
 * | Deleting       | –        | –      | as it is |
 * | any other      | –        | –      | –        |
 */
export function nextSnapshot(
  current: SnapshotRecord,
  event: SnapshotEvent,
  at: number,
): SnapshotRecord | undefined {
  switch (current.state) {
    case 'Creating':
      return event.type === 'delete' ? undefined : captureEnded(current, event, at);
    case 'Ready':
    case 'Failed':
      return event.type === 'delete' ? deleting(current, at) : undefined;
    case 'Deleting':
      return event.type === 'delete' ? current : undefined;
    default:
      return undefined;
  }
}

function captureEnded(
  current: SnapshotRecord,
  event: Exclude<SnapshotEvent, { type: 'delete' }>,
  at: number,
): SnapshotRecord {
  const { reason, message } = event;
  const ended = { ...current, reason, message, transitionAt: at };
  if (event.type === 'failed') return { ...ended, state: 'Failed' satisfies SnapshotState };
  return { ...ended, state: 'Ready' satisfies SnapshotState, image: event.image };
}

function deleting(current: SnapshotRecord, at: number): SnapshotRecord {
  return {
    ...current,
    state: 'Deleting' satisfies SnapshotState,
    reason: 'snapshot_delete_requested',
    message: 'Snapshot deletion requested.',
    transitionAt: at,
  };
}
