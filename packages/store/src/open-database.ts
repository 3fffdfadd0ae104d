import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SandboxRecord } from '@opensandbox/core/ports';
import type { Database } from 'better-sqlite3';
import SQLite from 'better-sqlite3';
import { migrate } from './migrations.ts';
import { parseRecord } from './record-codec.ts';

/** Nothing is served yet while the file is opened, so this may wait on the spot. */
const BUSY_TIMEOUT_MS = 5000;
const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

interface Row {
  readonly id: string;
  readonly body: string;
}

/** Makes the file, private and brought up to date, and reads it. Parents are created. */
export function readDatabase(path: string): readonly SandboxRecord[] {
  mkdirSync(dirname(path), { recursive: true, mode: PRIVATE_DIRECTORY });
  closeSync(openSync(path, 'a', PRIVATE_FILE));
  chmodSync(path, PRIVATE_FILE); // the -wal and -shm files take their mode from it
  let db: Database | undefined;
  try {
    db = new SQLite(path, { timeout: BUSY_TIMEOUT_MS });
    db.pragma('journal_mode = WAL');
    db.pragma('secure_delete = ON');
    migrate(db, path);
    const rows = db.prepare('SELECT id, body FROM sandbox_records').all() as Row[];
    return rows.map(({ id, body }) => parseRecord(id, body));
  } finally {
    db?.close();
  }
}
