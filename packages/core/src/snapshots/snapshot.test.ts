import { newSandboxId } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { SnapshotEvent } from './snapshot.ts';
import { acceptedSnapshot, nextSnapshot } from './snapshot.ts';

const ACCEPTED = acceptedSnapshot({ id: 's1', sandboxId: newSandboxId(), name: 'n' }, 1_000);
const CAPTURED: SnapshotEvent = {
  type: 'captured',
  image: 'images:s1',
  reason: 'snapshot_runtime_ready',
  message: 'Made.',
};
const FAILED: SnapshotEvent = { type: 'failed', reason: 'snapshot_runtime_failed', message: 'Disk full.' };
const DELETE: SnapshotEvent = { type: 'delete' };

describe('a snapshot', () => {
  it('is Creating once it is accepted', () => {
    expect(ACCEPTED).toMatchObject({
      state: 'Creating',
      reason: 'snapshot_accepted',
      message: 'Snapshot creation accepted.',
      image: undefined,
      createdAt: 1_000,
      transitionAt: 1_000,
    });
  });

  it.each<[state: string, event: SnapshotEvent, next: string | undefined]>([
    ['Creating', CAPTURED, 'Ready'],
    ['Creating', FAILED, 'Failed'],
    ['Creating', DELETE, undefined],
    ['Ready', CAPTURED, undefined],
    ['Ready', FAILED, undefined],
    ['Ready', DELETE, 'Deleting'],
    ['Failed', CAPTURED, undefined],
    ['Failed', FAILED, undefined],
    ['Failed', DELETE, 'Deleting'],
    ['Deleting', CAPTURED, undefined],
    ['Deleting', FAILED, undefined],
    ['Deleting', DELETE, 'Deleting'],
    ['Archived', CAPTURED, undefined],
    ['Archived', FAILED, undefined],
    ['Archived', DELETE, undefined],
  ])('that is %s becomes after %j: %s', (state, event, next) => {
    expect(nextSnapshot({ ...ACCEPTED, state }, event, 2_000)?.state).toBe(next);
  });

  it('knows its image, and when and why it became what it is', () => {
    expect(nextSnapshot(ACCEPTED, CAPTURED, 2_000)).toEqual({
      ...ACCEPTED,
      state: 'Ready',
      image: 'images:s1',
      reason: 'snapshot_runtime_ready',
      message: 'Made.',
      transitionAt: 2_000,
    });
    expect(nextSnapshot(ACCEPTED, FAILED, 3_000)).toMatchObject({
      image: undefined,
      reason: 'snapshot_runtime_failed',
      message: 'Disk full.',
      transitionAt: 3_000,
    });
  });

  it('that is Deleting stays exactly as it is when it is deleted again', () => {
    const deleting = { ...ACCEPTED, state: 'Deleting' };
    expect(nextSnapshot(deleting, DELETE, 9_000)).toBe(deleting);
  });
});
