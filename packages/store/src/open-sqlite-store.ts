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
    return scope.own(new SqliteStore({ table: openRecordTable(db), toFault, close: () => db.close() }));
  } catch (error) {
    db.close();
    throw toFault(error);
  }
}
