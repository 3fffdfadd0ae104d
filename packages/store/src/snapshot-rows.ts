import type { SnapshotRecord } from '@opensandbox/core/ports';
import { sandboxId } from '@opensandbox/core/ports';

/**
 * A row of the table `snapshots`, which other servers read and write as well: its columns, its JSON and its ISO times
 * are theirs.
 */
export interface SnapshotRow {
  readonly id: string;
  readonly source_sandbox_id: string;
  readonly name: string | null;
  /** JSON `{"image": string | null}`. */
  readonly restore_config: string;
  readonly state: string;
  readonly reason: string | null;
  readonly message: string | null;
  readonly last_transition_at: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export const SNAPSHOT_COLUMNS =
  'id, source_sandbox_id, name, restore_config, state, reason, message, last_transition_at, created_at, updated_at';

/** The table as the other servers make it. Made only when it is not there: one that is there is theirs. */
export const SNAPSHOT_TABLE = `
  CREATE TABLE snapshots (
    id TEXT PRIMARY KEY,
    source_sandbox_id TEXT NOT NULL,
    name TEXT,
    description TEXT,
    restore_config TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    message TEXT,
    last_transition_at TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  );
  CREATE INDEX idx_snapshots_source_sandbox_id ON snapshots (source_sandbox_id);
  CREATE INDEX idx_snapshots_state ON snapshots (state);
  CREATE INDEX idx_snapshots_created_at ON snapshots (created_at DESC);`;

export function formatSnapshotRow(record: SnapshotRecord, updatedAt: string): SnapshotRow {
  return {
    id: record.id,
    source_sandbox_id: record.sandboxId,
    name: record.name ?? null,
    restore_config: JSON.stringify({ image: record.image ?? null }),
    state: record.state,
    reason: record.reason ?? null,
    message: record.message ?? null,
    last_transition_at: record.transitionAt === undefined ? null : formatIso(record.transitionAt),
    created_at: formatIso(record.createdAt),
    updated_at: updatedAt,
  };
}

export function parseSnapshotRow(row: SnapshotRow): SnapshotRecord {
  return {
    id: row.id,
    sandboxId: sandboxId(row.source_sandbox_id),
    name: row.name ?? undefined,
    image: parseImage(row.restore_config),
    state: row.state,
    reason: row.reason ?? undefined,
    message: row.message ?? undefined,
    transitionAt: row.last_transition_at === null ? undefined : parseIso(row.last_transition_at),
    createdAt: parseIso(row.created_at) ?? 0,
  };
}

function parseImage(config: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(config);
    if (typeof parsed !== 'object' || parsed === null || !('image' in parsed)) return undefined;
    return typeof parsed.image === 'string' ? parsed.image : undefined;
  } catch {
    return undefined; // then there is nothing to restore from, and whoever asks is told so
  }
}

/** `2026-11-20T15:22:12.984649+00:00`; without a fraction when there is none. Sorts as text. */
export function formatIso(micros: number): string {
  const text = new Date(Math.floor(micros / 1000)).toISOString().slice(0, 19);
  const fraction = micros % 1_000_000;
  return `${text}${fraction === 0 ? '' : `.${String(fraction).padStart(6, '0')}`}+00:00`;
}

const ISO = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/i;

/** Epoch microseconds. A time without a zone is UTC. */
export function parseIso(text: string): number | undefined {
  const [, day, time, fraction = '', zone = 'Z'] = ISO.exec(text.trim()) ?? [];
  if (day === undefined || time === undefined) return undefined;
  const seconds = Date.parse(`${day}T${time.length === 5 ? `${time}:00` : time}${withColon(zone)}`);
  return Number.isNaN(seconds) ? undefined : seconds * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

function withColon(zone: string): string {
  if (zone.toUpperCase() === 'Z') return 'Z';
  return zone.includes(':') ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
}
