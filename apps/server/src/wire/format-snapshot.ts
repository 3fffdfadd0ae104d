import type { SnapshotBody, SnapshotListBody } from '@opensandbox/contract';
import { formatTimestamp } from '@opensandbox/contract';
import type { Page, SnapshotRecord } from '@opensandbox/core';
import { formatPagination } from './format-pagination.ts';

/** A snapshot as every route shows it. Members without a value are absent. */
export function formatSnapshot(record: SnapshotRecord): SnapshotBody {
  const { name, reason, message, transitionAt } = record;
  return {
    id: record.id,
    sandboxId: record.sandboxId,
    ...(name === undefined ? {} : { name }),
    status: {
      state: record.state,
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
      ...(transitionAt === undefined ? {} : { lastTransitionAt: formatMicros(transitionAt) }),
    },
    createdAt: formatMicros(record.createdAt),
  };
}

export function formatSnapshotList(page: Page<SnapshotRecord>): SnapshotListBody {
  return { items: page.items.map(formatSnapshot), pagination: formatPagination(page) };
}

function formatMicros(micros: number): string {
  return formatTimestamp({ ms: Math.floor(micros / 1000), micros: micros % 1000 });
}
