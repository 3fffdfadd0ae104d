import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database } from 'better-sqlite3';
import SQLite from 'better-sqlite3';
import { migrate } from './migrations.ts';
import { storeFault } from './store-faults.ts';

const BUSY_TIMEOUT_MS = 5000;
const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

/** Opens the file, made private and brought up to date. Parents are created. */
export function openDatabase(path: string): Database {
  let db: Database | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: PRIVATE_DIRECTORY });
    closeSync(openSync(path, 'a', PRIVATE_FILE));
    chmodSync(path, PRIVATE_FILE); // the -wal and -shm files take their mode from it
    db = new SQLite(path, { timeout: BUSY_TIMEOUT_MS });
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL'); // commits do not wait for the disk: the store does, off the event loop
    db.pragma('secure_delete = ON'); // a password that is no longer needed leaves no trace in the file
    migrate(db, path);
    return db;
  } catch (error) {
    db?.close();
    throw storeFault(error, path);
  }
}
