import type { Page } from '../page.ts';
import type { SnapshotRecord } from './snapshot.ts';
import type { SnapshotQuery } from './snapshots.ts';

/** Filters, sorts (newest first, then by id downwards) and cuts out one page. */
export function querySnapshots(
  records: readonly SnapshotRecord[],
  query: SnapshotQuery,
): Page<SnapshotRecord> {
  const { sandboxId, name, page, pageSize } = query;
  const states = query.states && new Set(query.states);
  const found = records
    .filter((record) => sandboxId === undefined || record.sandboxId === sandboxId)
    .filter((record) => name === undefined || record.name === name)
    .filter((record) => states === undefined || states.has(record.state))
    .sort(newestFirst);
  const start = (page - 1) * pageSize;
  return { items: found.slice(start, start + pageSize), page, pageSize, totalItems: found.length };
}

function newestFirst(a: SnapshotRecord, b: SnapshotRecord): number {
  if (a.createdAt !== b.createdAt) return b.createdAt - a.createdAt;
  return a.id < b.id ? 1 : -1;
}
