import { Fault } from '@opensandbox/base';
import type { SnapshotRecord, SnapshotStore } from '@opensandbox/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSandboxId } from './sample-records.ts';

/** One store, opened for one test. */
export interface SnapshotStoreHarness {
  readonly store: SnapshotStore;
  /** Closes it and opens it again over the same data; absent when the store does not outlive its process. */
  reopen?(): Promise<SnapshotStore>;
  close(): Promise<void>;
}

export function sampleSnapshot(change: Partial<SnapshotRecord> = {}): SnapshotRecord {
  const at = Date.UTC(2030, 0, 1) * 1000 + 123;
  return {
    id: newSandboxId(),
    sandboxId: newSandboxId(),
    name: undefined,
    image: undefined,
    state: 'Creating',
    reason: 'snapshot_accepted',
    message: 'Snapshot creation accepted.',
    transitionAt: at,
    createdAt: at,
    ...change,
  };
}

/** What the core relies on, as tests. Every store of snapshots runs it. */
export function snapshotStoreConformance(name: string, open: () => Promise<SnapshotStoreHarness>): void {
  describe(`${name} keeps the contract of snapshot stores`, () => {
    let harness: SnapshotStoreHarness;
    let store: SnapshotStore;

    beforeEach(async () => {
      harness = await open();
      store = harness.store;
    });

    afterEach(() => harness.close());

    async function rejection(work: Promise<unknown>): Promise<Fault> {
      const error = await work.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error, 'rejects with a Fault').toBeInstanceOf(Fault);
      return error as Fault;
    }

    it('knows nothing at first', () => {
      expect(store.list()).toEqual([]);
      expect(store.get('nobody')).toBeUndefined();
    });

    it.each<[what: string, change: Partial<SnapshotRecord>]>([
      ['a fresh one', {}],
      ['one with everything', { name: 'Ä "b"', image: 'images:x', state: 'Ready' }],
      ['one with little', { reason: undefined, message: undefined, transitionAt: undefined }],
      ['one of another program', { state: 'Archived', reason: 'why not' }],
    ])('gives back %s as it was inserted, also after a restart', async (_what, change) => {
      const record = sampleSnapshot(change);
      await store.insert(record);
      expect(store.get(record.id)).toEqual(record);
      if (harness.reopen !== undefined) store = await harness.reopen();
      expect(store.list()).toEqual([record]);
    });

    it('refuses an id that is taken, also when both come at once', async () => {
      const record = sampleSnapshot();
      const outcomes = await Promise.allSettled([store.insert(record), store.insert(record)]);
      expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(await rejection(store.insert(record))).toMatchObject({ kind: 'conflict', code: 'store.exists' });
    });

    it('changes a record, one change after the other', async () => {
      const record = sampleSnapshot({ message: '' });
      await store.insert(record);
      const add = (letter: string) =>
        store.update(record.id, (current) => ({ ...current, message: `${current.message ?? ''}${letter}` }));
      await Promise.all([add('a'), add('b'), add('c')]);
      expect(store.get(record.id)?.message).toBe('abc');
      if (harness.reopen !== undefined) store = await harness.reopen();
      expect(store.get(record.id)?.message).toBe('abc');
    });

    it('passes on what a change throws and writes nothing', async () => {
      const record = sampleSnapshot();
      await store.insert(record);
      const refusal = new Fault('conflict', 'snapshot.state', 'no');
      const refusing = store.update(record.id, () => {
        throw refusal;
      });
      expect(await rejection(refusing)).toBe(refusal);
      expect(store.get(record.id)).toEqual(record);
      expect(await store.update(record.id, (current) => current)).toEqual(record);
    });

    it('cannot change what it does not have, and forgets what it never had', async () => {
      expect(await rejection(store.update('nobody', (current) => current))).toMatchObject({
        kind: 'not_found',
        code: 'snapshot.not_found',
      });
      await store.remove('nobody');
      const record = sampleSnapshot();
      await store.insert(record);
      await store.remove(record.id);
      expect(store.list()).toEqual([]);
      if (harness.reopen !== undefined) store = await harness.reopen();
      expect(store.list()).toEqual([]);
    });
  });
}
