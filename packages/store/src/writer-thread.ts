import type { MessagePort } from 'node:worker_threads';
import type SQLite from 'better-sqlite3';
import type { SnapshotRow } from './snapshot-rows.ts';
import type { Conflict, SnapshotOp, WriteOp, WriterAnswer, WriterRequest } from './write-protocol.ts';

/*
 * What the writer's thread runs: everything that may wait for a lock or for the disk. The text of these
 * functions is handed to the thread, which works from sources and from one bundled file alike. So they refer to
 * nothing outside of themselves.
 */

export interface WriterSettings {
  readonly path: string;
  /** Where `better-sqlite3` is, absolute. */
  readonly modulePath: string;
  /** How long a lock of another process is waited for. */
  readonly busyMs: number;
}

interface Thread {
  readonly require: (path: string) => unknown;
  readonly parentPort: MessagePort | null;
  readonly workerData: WriterSettings;
}

interface WriterTable {
  write(ops: readonly WriteOp[]): Conflict | undefined;
  /** Makes a checkpoint when enough was written since the last one. */
  written(ops: readonly WriteOp[]): void;
  close(): void;
}

export interface WriterTables {
  readonly open: typeof openWriterTable;
  readonly openSnapshots: typeof openSnapshotTable;
}

export function runWriter(thread: Thread, tables: WriterTables): void {
  const { parentPort, workerData } = thread;
  const attempt = (work: () => WriterAnswer): void => {
    let answer: WriterAnswer;
    try {
      answer = work();
    } catch (error) {
      const { code, message } = error as { code?: unknown; message?: unknown };
      answer = { kind: 'failed', code: String(code), message: String(message) };
    }
    parentPort?.postMessage(answer);
  };
  attempt(() => {
    const Database = thread.require(workerData.modulePath) as typeof SQLite;
    const table = tables.open(Database, workerData, tables.openSnapshots);
    parentPort?.on('message', (request: WriterRequest) => {
      if (request.kind === 'close') {
        table.close();
        parentPort.close();
        return;
      }
      attempt(() => {
        const conflict = table.write(request.ops);
        return conflict === undefined ? { kind: 'done' } : { kind: 'conflict', conflict };
      });
      table.written(request.ops);
    });
    return { kind: 'done' };
  });
}

export function openWriterTable(
  Database: typeof SQLite,
  settings: WriterSettings,
  openSnapshots: typeof openSnapshotTable,
): WriterTable {
  const CHECKPOINT_AFTER_BYTES = 4 * 1024 * 1024;
  const PAGE_BYTES = 4096;
  const db = new Database(settings.path, { timeout: settings.busyMs });
  db.pragma('synchronous = FULL'); // a commit that has returned is on disk
  db.pragma('secure_delete = ON'); // a password that is no longer needed leaves no trace in the file
  db.pragma('wal_autocheckpoint = 0'); // nobody waits for a checkpoint: it is made after the answer
  const read = db.prepare('SELECT body FROM sandbox_records WHERE id = ?').pluck();
  const insert = db.prepare(
    'INSERT INTO sandbox_records (id, revision, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const replace = db.prepare(
    'UPDATE sandbox_records SET revision = ?, body = ? WHERE id = ? AND revision = ?',
  );
  const remove = db.prepare('DELETE FROM sandbox_records WHERE id = ?');
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');
  let bytes = 0;
  const snapshots = openSnapshots(db);

  const run = (op: WriteOp): boolean => {
    if (op.kind === 'insert') return insert.run(op.id, op.revision, op.body).changes > 0;
    if (op.kind === 'replace') return replace.run(op.revision, op.body, op.id, op.from).changes > 0;
    if (op.kind !== 'remove') return snapshots.run(op);
    remove.run(op.id);
    return true;
  };
  const conflictOf = (op: WriteOp): Conflict => {
    const { kind, id } = op;
    if (kind.startsWith('snapshot-')) return { id, body: undefined, row: snapshots.read(id) };
    return { id, body: read.get(id) as string | undefined };
  };
  return {
    write(ops) {
      begin.run();
      try {
        const refused = ops.find((op) => !run(op));
        if (refused !== undefined) return conflictOf(refused);
        commit.run();
        return undefined;
      } finally {
        if (db.inTransaction) rollback.run();
      }
    },
    written(ops) {
      for (const op of ops) bytes += PAGE_BYTES + ('body' in op ? op.body.length : 0);
      if (bytes < CHECKPOINT_AFTER_BYTES) return;
      bytes = 0;
      try {
        db.pragma('wal_checkpoint(PASSIVE)');
      } catch {
        // What was answered is in the log all the same; the next checkpoint tries again.
      }
    },
    close: () => void db.close(),
  };
}

interface SnapshotTable {
  run(op: SnapshotOp): boolean;
  read(id: string): SnapshotRow | undefined;
}

/** The column `description` belongs to other servers. */
export function openSnapshotTable(db: SQLite.Database): SnapshotTable {
  const read = db.prepare('SELECT * FROM snapshots WHERE id = ?');
  const insert = db.prepare(
    'INSERT INTO snapshots (id, source_sandbox_id, name, restore_config, state, reason, message, ' +
      'last_transition_at, created_at, updated_at) VALUES (@id, @source_sandbox_id, @name, @restore_config, @state, ' +
      '@reason, @message, @last_transition_at, @created_at, @updated_at) ON CONFLICT DO NOTHING',
  );
  const replace = db.prepare(
    'UPDATE snapshots SET restore_config = @restore_config, state = @state, reason = @reason, message = @message, ' +
      'last_transition_at = @last_transition_at, updated_at = @updated_at ' +
      'WHERE id = @id AND state = @fromState AND updated_at = @fromUpdatedAt',
  );
  const remove = db.prepare('DELETE FROM snapshots WHERE id = ?');
  return {
    run(op) {
      if (op.kind === 'snapshot-insert') return insert.run(op.row).changes > 0;
      if (op.kind === 'snapshot-replace') {
        const { state, updatedAt } = op.from;
        return replace.run({ ...op.row, fromState: state, fromUpdatedAt: updatedAt }).changes > 0;
      }
      remove.run(op.id);
      return true;
    },
    read: (id) => read.get(id) as SnapshotRow | undefined,
  };
}
