import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SandboxRecord } from '@opensandbox/core/ports';
import type { Database } from 'better-sqlite3';
import SQLite from 'better-sqlite3';
import { migrate, shareSnapshotTable } from './migrations.ts';
import { parseRecord } from './record-codec.ts';
import type { SnapshotRow } from './snapshot-rows.ts';
import { SNAPSHOT_COLUMNS } from './snapshot-rows.ts';

/** Nothing is served yet while the file is opened, so this may wait on the spot. */
const BUSY_TIMEOUT_MS = 5000;
const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

interface Row {
  readonly id: string;
  readonly body: string;
}

export interface StoredRows {
  readonly records: readonly SandboxRecord[];
  readonly snapshots: readonly SnapshotRow[];
}

/** Makes the file, private and brought up to date, and reads it. Parents are created. */
export function readDatabase(path: string): StoredRows {
  mkdirSync(dirname(path), { recursive: true, mode: PRIVATE_DIRECTORY });
  closeSync(openSync(path, 'a', PRIVATE_FILE));
  chmodSync(path, PRIVATE_FILE); // the -wal and -shm files take their mode from it
  let db: Database | undefined;
  try {
    db = new SQLite(path, { timeout: BUSY_TIMEOUT_MS });
    db.pragma('journal_mode = WAL');
    db.pragma('secure_delete = ON');
    migrate(db, path);
    shareSnapshotTable(db);
    const rows = db.prepare('SELECT id, body FROM sandbox_records').all() as Row[];
    const snapshots = db.prepare(`SELECT ${SNAPSHOT_COLUMNS} FROM snapshots`).all() as SnapshotRow[];
    return { records: rows.map(({ id, body }) => parseRecord(id, body)), snapshots };
  } finally {
    db?.close();
  }
}
