import type { SandboxQuery } from './lifecycle/lifecycle.ts';
import type { Page } from './page.ts';
import type { Sandbox, SandboxRecord } from './sandbox.ts';

/** Filters, sorts (newest first, then by id) and cuts out one page. `view` adds the status to a record. */
export function runQuery(
  records: readonly SandboxRecord[],
  view: (record: SandboxRecord) => Sandbox,
  query: SandboxQuery,
): Page<Sandbox> {
  const pairs = Object.entries(query.metadata);
  const states = query.states && new Set(query.states.map((state) => state.toLowerCase()));
  const found = records
    .filter((record) => pairs.every(([key, value]) => ownValue(record.metadata, key) === value))
    .map(view)
    .filter((sandbox) => states === undefined || states.has(sandbox.status.state.toLowerCase()))
    .sort((a, b) => newestFirst(a.record, b.record));
  const start = (query.page - 1) * query.pageSize;
  return {
    items: found.slice(start, start + query.pageSize),
    page: query.page,
    pageSize: query.pageSize,
    totalItems: found.length,
  };
}

function newestFirst(a: SandboxRecord, b: SandboxRecord): number {
  if (a.createdAt !== b.createdAt) return b.createdAt - a.createdAt;
  return a.id < b.id ? -1 : 1;
}

/** A client may ask for a key named `constructor`. */
function ownValue(map: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}
