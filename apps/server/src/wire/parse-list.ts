import { listSandboxesQuery, listSnapshotsQuery, parseMetadataQuery, validate } from '@opensandbox/contract';
import { sandboxId } from '@opensandbox/core';
import type { SandboxQuery, SnapshotQuery } from '@opensandbox/core';
import { readQuery } from './query-text.ts';

/** The query of a sandbox list, from the raw text after `?`. */
export function parseList(rawQuery: string): SandboxQuery {
  const query = validate(listSandboxesQuery, readQuery(rawQuery), 'query');
  return {
    states: query.state,
    metadata: parseMetadataQuery(query.metadata),
    page: toNumber(query.page),
    pageSize: toNumber(query.pageSize),
  };
}

/** An empty `sandboxId` or `name` filters nothing. */
export function parseSnapshotList(rawQuery: string): SnapshotQuery {
  const query = validate(listSnapshotsQuery, readQuery(rawQuery), 'query');
  return {
    sandboxId:
      query.sandboxId === undefined || query.sandboxId === '' ? undefined : sandboxId(query.sandboxId),
    name: query.name === '' ? undefined : query.name,
    states: query.state,
    page: toNumber(query.page),
    pageSize: toNumber(query.pageSize),
  };
}

/** Pages have no upper bound; beyond the safe integers they are all equally empty. */
function toNumber(value: number | bigint): number {
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}
