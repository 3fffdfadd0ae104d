import type { Clock, Scope } from '@opensandbox/base';
import { systemClock } from '@opensandbox/base';
import type { SandboxStore, SnapshotStore } from '@opensandbox/core/ports';
import { readDatabase } from './open-database.ts';
import { SqliteSnapshotStore } from './snapshot-store.ts';
import { SqliteStore } from './sqlite-store.ts';
import { storeFault } from './store-faults.ts';
import { openWriter, shareWriter } from './writer.ts';

/** The longest that a caller waits for the disk, and for locks of other processes. */
const LIMIT_MS = 10_000;

export interface SqliteStoreOptions {
  /** Absolute path of the database file. Created, with its parents, when it is not there. */
  readonly path: string;
  /** The longest that a write may take, milliseconds; ten seconds unless told otherwise. */
  readonly limitMs?: number;
  readonly clock?: Clock;
}

export interface SqliteStores {
  readonly sandboxes: SandboxStore;
  readonly snapshots: SnapshotStore;
}

/** Opens what is kept of sandboxes alone. */
export async function openSqliteStore(options: SqliteStoreOptions, scope: Scope): Promise<SandboxStore> {
  return (await openSqliteStores(options, scope)).sandboxes;
}

/** Opens the file; it closes with the scope. Rejects with `store.failed` or `store.busy` and what to do about it. */
export async function openSqliteStores(options: SqliteStoreOptions, scope: Scope): Promise<SqliteStores> {
  const { path, limitMs = LIMIT_MS, clock = systemClock() } = options;
  const toFault = (error: unknown) => storeFault(error, path);
  try {
    const { records, snapshots: rows } = readDatabase(path);
    // Half of the limit for the lock: the disk needs time as well, and the next in line waits behind it.
    const writer = shareWriter(await openWriter({ path, busyMs: limitMs / 2, clock }));
    const common = { writer, toFault, clock, limitMs };
    const sandboxes = scope.own(new SqliteStore({ ...common, records })); // closes the writer, last of all
    return { sandboxes, snapshots: scope.own(new SqliteSnapshotStore({ ...common, rows })) };
  } catch (error) {
    throw toFault(error);
  }
}
