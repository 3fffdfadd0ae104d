import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from '@opensandbox/base';
import { openScope, silentLogger } from '@opensandbox/base';
import { sampleRecord, sampleSnapshot, snapshotStoreConformance } from '@opensandbox/testkit';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStores } from '../src/index.ts';
import type { SqliteStores } from '../src/index.ts';

/** The table as another server makes it. Its index names are its own. */
const FOREIGN_TABLE = `
  CREATE TABLE snapshots (
    id TEXT PRIMARY KEY, source_sandbox_id TEXT NOT NULL, name TEXT, description TEXT, restore_config TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT, message TEXT, last_transition_at TEXT, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL);
  CREATE INDEX theirs_sandbox ON snapshots (source_sandbox_id);
  CREATE INDEX theirs_state ON snapshots (state);
  CREATE INDEX theirs_created ON snapshots (created_at DESC);
  INSERT INTO snapshots VALUES
    ('s1', 'b1', 'first', 'a note', '{"image": "opensandbox-snapshots:s1"}', 'Ready', 'snapshot_runtime_ready', 'Done.',
     '2026-11-20T12:00:01.5+00:00', '2026-11-20T12:00:00.984649+00:00', '2026-11-20T12:00:01.5+00:00'),
    ('s2', 'b1', NULL, NULL, '{"image": null}', 'Creating', 'snapshot_accepted', 'Snapshot creation accepted.',
     '2026-11-20T12:00:00', '2026-11-20T12:00:00', '2026-11-20T12:00:00'),
    ('s3', 'b2', NULL, NULL, 'broken', 'Archived', NULL, NULL, NULL, '2026-11-20T11:00:00+00:00', '');
  PRAGMA user_version = 3;`;

let directory = '';
let path = '';
let scope: Scope;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opensandbox-store-'));
  path = join(directory, 'store.db');
  scope = openScope(silentLogger);
});

afterEach(async () => {
  await scope[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function open(): Promise<SqliteStores> {
  await scope[Symbol.asyncDispose]();
  scope = openScope(silentLogger);
  return openSqliteStores({ path }, scope);
}

function other<T>(work: (db: SQLite.Database) => T): T {
  const db = new SQLite(path);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

const row = (id: string): Record<string, string | null> | undefined =>
  other((db) => db.prepare('SELECT * FROM snapshots WHERE id = ?').get(id)) as
    Record<string, string | null> | undefined;

snapshotStoreConformance('The SQLite store', async () => ({
  store: (await open()).snapshots,
  reopen: async () => (await open()).snapshots,
  close: async () => undefined,
}));

describe('the table snapshots', () => {
  it('of another server is read as it is', async () => {
    other((db) => db.exec(FOREIGN_TABLE));
    const { snapshots } = await open();
    expect(snapshots.get('s1')).toMatchObject({
      name: 'first',
      image: 'opensandbox-snapshots:s1',
      createdAt: Date.UTC(2026, 10, 20, 12) * 1000 + 984_649,
      transitionAt: Date.UTC(2026, 10, 20, 12, 0, 1) * 1000 + 500_000,
    });
    expect(snapshots.get('s2')).toMatchObject({
      state: 'Creating',
      createdAt: Date.UTC(2026, 10, 20, 12) * 1000,
    });
    expect(snapshots.get('s3')).toMatchObject({ state: 'Archived', image: undefined });
  });

  it('of another server keeps its indexes, its notes, and what nobody changed', async () => {
    other((db) => db.exec(FOREIGN_TABLE));
    const before = row('s3');
    const { snapshots } = await open();
    await snapshots.update('s1', (current) => ({ ...current, state: 'Deleting' }));
    expect(row('s1')).toMatchObject({
      description: 'a note',
      state: 'Deleting',
      restore_config: '{"image":"opensandbox-snapshots:s1"}',
      created_at: '2026-11-20T12:00:00.984649+00:00',
    });
    expect(row('s3')).toEqual(before);
    const indexes = other((db) =>
      db.prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").pluck().all(),
    );
    expect(indexes).toEqual(['theirs_sandbox', 'theirs_state', 'theirs_created']);
    expect(other((db) => db.pragma('user_version', { simple: true }))).toBe(3);
  });

  it('is written so that another server can read it', async () => {
    const { snapshots } = await open();
    const record = sampleSnapshot({
      createdAt: Date.UTC(2030, 0, 1) * 1000,
      transitionAt: Date.UTC(2030, 0, 1) * 1000,
    });
    await snapshots.insert(record);
    expect(row(record.id)).toEqual({
      id: record.id,
      source_sandbox_id: record.sandboxId,
      name: null,
      description: null,
      restore_config: '{"image":null}',
      state: 'Creating',
      reason: 'snapshot_accepted',
      message: 'Snapshot creation accepted.',
      last_transition_at: '2030-01-01T00:00:00+00:00',
      created_at: '2030-01-01T00:00:00+00:00',
      updated_at: '2030-01-01T00:00:00+00:00',
    });
    const columns = other((db) => db.pragma('table_info(snapshots)')) as {
      name: string;
      notnull: number;
      pk: number;
    }[];
    expect(columns.filter(({ notnull }) => notnull === 1).map(({ name }) => name)).toEqual([
      'source_sandbox_id',
      'restore_config',
      'state',
      'created_at',
      'updated_at',
    ]);
    expect(columns.find(({ pk }) => pk === 1)?.name).toBe('id');
    const indexed = other((db) =>
      db
        .prepare(
          "SELECT sql FROM sqlite_master WHERE tbl_name = 'snapshots' AND type = 'index' AND sql IS NOT NULL",
        )
        .pluck()
        .all(),
    ) as string[];
    expect(indexed.map((sql) => /\((.*)\)/.exec(sql)?.[1]).sort()).toEqual([
      'created_at DESC',
      'source_sandbox_id',
      'state',
    ]);
  });

  it('gives the version of another process to a change that came second', async () => {
    const { snapshots } = await open();
    const record = sampleSnapshot();
    await snapshots.insert(record);
    other((db) => {
      const change = db.prepare("UPDATE snapshots SET state = 'Ready', updated_at = 'later' WHERE id = ?");
      change.run(record.id);
    });
    const seen: string[] = [];
    await snapshots.update(record.id, (current) => {
      seen.push(current.state);
      return current.state === 'Ready'
        ? { ...current, message: 'Changed after all.' }
        : { ...current, state: 'Failed' };
    });
    expect(seen).toEqual(['Creating', 'Ready']);
    expect(row(record.id)).toMatchObject({ state: 'Ready', message: 'Changed after all.' });
    expect(snapshots.get(record.id)?.state).toBe('Ready');
  });

  it('cannot change what another process removed, and does not insert over what it made', async () => {
    const { snapshots } = await open();
    const [gone, taken] = [sampleSnapshot(), sampleSnapshot()];
    await snapshots.insert(gone);
    other((db) => db.exec('DELETE FROM snapshots'));
    const change = snapshots.update(gone.id, (current) => ({ ...current, state: 'Ready' }));
    await expect(change).rejects.toMatchObject({ code: 'snapshot.not_found' });
    expect(snapshots.list()).toEqual([]);
    other((db) => {
      const insert = db.prepare(
        "INSERT INTO snapshots VALUES (?, 'b', NULL, NULL, '{}', 'Ready', NULL, NULL, NULL, '2026-11-20T11:00:00', '')",
      );
      insert.run(taken.id);
    });
    await expect(snapshots.insert(taken)).rejects.toMatchObject({ code: 'store.exists' });
    expect(snapshots.get(taken.id)?.sandboxId).toBe('b');
  });

  it('is written beside the sandboxes, while both are busy', async () => {
    const { sandboxes, snapshots } = await open();
    const records = Array.from({ length: 50 }, () => sampleRecord());
    const taken = Array.from({ length: 50 }, () => sampleSnapshot());
    await Promise.all([
      ...records.map((record) => sandboxes.insert(record)),
      ...taken.map((record) => snapshots.insert(record)),
    ]);
    const again = await open();
    expect(again.sandboxes.list()).toHaveLength(50);
    expect(again.snapshots.list()).toHaveLength(50);
  });

  it('says that it cannot be written in time when another process holds it', async () => {
    await scope[Symbol.asyncDispose]();
    scope = openScope(silentLogger);
    const { snapshots } = await openSqliteStores({ path, limitMs: 400 }, scope);
    const holder = new SQLite(path);
    holder.exec('BEGIN IMMEDIATE');
    const record = sampleSnapshot();
    await expect(snapshots.insert(record)).rejects.toMatchObject({ kind: 'unavailable', code: 'store.busy' });
    holder.exec('COMMIT');
    holder.close();
    await expect.poll(() => snapshots.list(), { timeout: 5000 }).toEqual([]);
    await snapshots.insert(sampleSnapshot());
    expect(row(record.id)).toBeUndefined();
  });
});
