import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { Scope } from '@opensandbox/base';
import type { SandboxStore } from '@opensandbox/core/ports';
import { openDatabase } from './open-database.ts';
import { openRecordTable } from './record-table.ts';
import { SqliteStore } from './sqlite-store.ts';
import { storeFault } from './store-faults.ts';

export interface SqliteStoreOptions {
  /** Absolute path of the database file. Created, with its parents, when it is not there. */
  readonly path: string;
}

/** Opens the store; it closes with the scope. Rejects with `store.failed` and what to do about it. */
export async function openSqliteStore(options: SqliteStoreOptions, scope: Scope): Promise<SandboxStore> {
  const { path } = options;
  const db = openDatabase(path);
  const toFault = (error: unknown) => storeFault(error, path);
  try {
    const table = openRecordTable(db);
    const log = await openWriteAheadLog(path);
    const close = async (): Promise<void> => {
      try {
        await log.close();
      } finally {
        db.close();
      }
    };
    return scope.own(new SqliteStore({ table, toFault, sync: () => log.datasync(), close }));
  } catch (error) {
    db.close();
    throw toFault(error);
  }
}

/**
 * The file that SQLite appends commits to. SQLite itself is told not to wait for the disk at each commit (it
 * would stop the event loop for as long); the store waits for this file instead before it answers.
 */
function openWriteAheadLog(path: string): Promise<FileHandle> {
  return open(`${path}-wal`, 'r+');
}
