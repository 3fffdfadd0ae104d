import type { Database } from 'better-sqlite3';
import type { SandboxRecord } from '@opensandbox/core/ports';
import { formatRecord, parseRecord } from './record-codec.ts';

interface Row {
  readonly id: string;
  readonly body: string;
}

/** The statements on the table of records, prepared once. */
export interface RecordTable {
  all(): readonly SandboxRecord[];
  read(id: string): SandboxRecord | undefined;
  /** False when the id is taken. */
  insert(record: SandboxRecord): boolean;
  /** False when the row no longer has the revision that the change was made from. */
  replace(record: SandboxRecord, revision: number): boolean;
  remove(id: string): void;
  /** Runs `work` in one transaction: on disk as a whole, or not at all. */
  inTransaction(work: () => void): void;
}

export function openRecordTable(db: Database): RecordTable {
  const all = db.prepare('SELECT id, body FROM sandbox_records');
  const read = db.prepare('SELECT id, body FROM sandbox_records WHERE id = ?');
  const insert = db.prepare(
    'INSERT INTO sandbox_records (id, revision, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const replace = db.prepare(
    'UPDATE sandbox_records SET revision = ?, body = ? WHERE id = ? AND revision = ?',
  );
  const remove = db.prepare('DELETE FROM sandbox_records WHERE id = ?');
  const begin = db.transaction((work: () => void) => work());
  const parse = (row: Row): SandboxRecord => parseRecord(row.id, row.body);
  return {
    all: () => (all.all() as Row[]).map(parse),
    read(id) {
      const row = read.get(id) as Row | undefined;
      return row && parse(row);
    },
    insert: (record) => insert.run(record.id, record.revision, formatRecord(record)).changes > 0,
    replace: (record, revision) =>
      replace.run(record.revision, formatRecord(record), record.id, revision).changes > 0,
    remove: (id) => void remove.run(id),
    inTransaction: (work) => begin.immediate(work),
  };
}
