import { Fault } from '@opensandbox/base';
import type { Database } from 'better-sqlite3';
import { SNAPSHOT_TABLE } from './snapshot-rows.ts';

/**
 * Each entry brings the tables from one version to the next; entries are added, never changed. The file may hold
 * tables of others: they are not touched, and `user_version` is theirs as much as ours.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE sandbox_records (
     id TEXT PRIMARY KEY,
     revision INTEGER NOT NULL,
     body TEXT NOT NULL
   ) WITHOUT ROWID`,
];

export function migrate(db: Database, path: string): void {
  const upgrade = db.transaction(() => {
    db.exec('CREATE TABLE IF NOT EXISTS sandbox_schema (version INTEGER NOT NULL)');
    const row = db.prepare('SELECT max(version) AS version FROM sandbox_schema').get() as {
      version: number | null;
    };
    const version = row.version ?? 0;
    if (version > MIGRATIONS.length) throw newer(path, version);
    for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
    if (version === MIGRATIONS.length) return;
    db.exec('DELETE FROM sandbox_schema');
    db.prepare('INSERT INTO sandbox_schema (version) VALUES (?)').run(MIGRATIONS.length);
  });
  upgrade.immediate();
}

/** Other servers make the same table: whoever comes first does, and nobody changes it. */
export function shareSnapshotTable(db: Database): void {
  const make = db.transaction(() => {
    const found = db.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'snapshots'").get();
    if (found === undefined) db.exec(SNAPSHOT_TABLE);
  });
  make.immediate();
}

function newer(path: string, version: number): Fault {
  const message =
    `The store ${path} was written by a newer version of this server (its tables are of version ${version}, this ` +
    `one knows up to ${MIGRATIONS.length}). Start that version again, or set store.path to another file.`;
  return new Fault('internal', 'store.failed', message);
}
