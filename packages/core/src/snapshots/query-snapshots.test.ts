import { newSandboxId } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { querySnapshots } from './query-snapshots.ts';
import type { SnapshotRecord } from './snapshot.ts';
import { acceptedSnapshot } from './snapshot.ts';
import type { SnapshotQuery } from './snapshots.ts';

const [A, B] = [newSandboxId(), newSandboxId()];

function snapshot(id: string, at: number, change: Partial<SnapshotRecord> = {}): SnapshotRecord {
  return { ...acceptedSnapshot({ id, sandboxId: A, name: undefined }, at), ...change };
}

const RECORDS = [
  snapshot('1', 10, { name: 'a', state: 'Ready' }),
  snapshot('2', 30, { name: 'a', state: 'Failed' }),
  snapshot('3', 20, { name: 'b', state: 'Ready', sandboxId: B }),
  snapshot('4', 20, { state: 'Archived' }),
];
const ALL: SnapshotQuery = {
  sandboxId: undefined,
  name: undefined,
  states: undefined,
  page: 1,
  pageSize: 20,
};

function ids(change: Partial<SnapshotQuery>): string {
  return querySnapshots(RECORDS, { ...ALL, ...change })
    .items.map(({ id }) => id)
    .join('');
}

describe('querySnapshots', () => {
  it.each<[query: Partial<SnapshotQuery>, found: string]>([
    [{}, '2431'],
    [{ name: 'a' }, '21'],
    [{ name: 'A' }, ''],
    [{ name: 'zzz' }, ''],
    [{ name: 'a', states: ['Failed'] }, '2'],
    [{ states: ['Ready', 'Archived'] }, '431'],
    [{ states: ['ready'] }, ''],
    [{ states: [] }, ''],
    [{ sandboxId: B }, '3'],
    [{ page: 2, pageSize: 3 }, '1'],
    [{ page: 99 }, ''],
  ])('finds of %j: %s', (query, found) => {
    expect(ids(query)).toBe(found);
  });

  it('counts all that match, whatever the page', () => {
    expect(querySnapshots(RECORDS, { ...ALL, name: 'a', page: 9 })).toEqual({
      items: [],
      page: 9,
      pageSize: 20,
      totalItems: 2,
    });
  });
});
