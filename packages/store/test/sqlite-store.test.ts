import { mkdtemp, rm, stat, writeFile, readFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fault, Scope } from '@opensandbox/base';
import { openScope, Secret, silentLogger } from '@opensandbox/base';
import type { SandboxStore } from '@opensandbox/core';
import { sampleRecord, sampleSpec, storeConformance } from '@opensandbox/testkit';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../src/index.ts';

storeConformance('the SQLite store', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'opensandbox-store-'));
  const path = join(directory, 'store.db');
  let scope = openScope(silentLogger);
  return {
    store: await openSqliteStore({ path }, scope),
    async reopen() {
      await scope[Symbol.asyncDispose]();
      scope = openScope(silentLogger);
      return openSqliteStore({ path }, scope);
    },
    async close() {
      await scope[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
});

describe('openSqliteStore', () => {
  let directory: string;
  let path: string;
  let scopes: Scope[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opensandbox-store-'));
    path = join(directory, 'a', 'b', 'store.db');
    scopes = [];
  });

  afterEach(async () => {
    await closeAll();
    await rm(directory, { recursive: true });
  });

  function open(): Promise<SandboxStore> {
    const scope = openScope(silentLogger);
    scopes.push(scope);
    return openSqliteStore({ path }, scope);
  }

  async function closeAll(): Promise<void> {
    for (const scope of scopes.splice(0)) await scope[Symbol.asyncDispose]();
  }

  const failure = (): Promise<Fault> =>
    open().then(
      () => expect.unreachable('it opened'),
      (error: unknown) => error as Fault,
    );

  it('creates parents and keeps the file to its user', async () => {
    await (await open()).insert(sampleRecord());
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(`${path}-wal`)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'a'))).mode & 0o777).toBe(0o700);
  });

  it('leaves the tables of others and user_version alone', async () => {
    await mkdir(join(directory, 'a', 'b'), { recursive: true });
    const other = new SQLite(path);
    other.exec("CREATE TABLE things (id TEXT PRIMARY KEY); INSERT INTO things VALUES ('s1')");
    other.pragma('user_version = 7');
    other.close();
    await (await open()).insert(sampleRecord());
    await closeAll();
    const again = new SQLite(path);
    expect(again.prepare('SELECT id FROM things').all()).toEqual([{ id: 's1' }]);
    expect(again.pragma('user_version', { simple: true })).toBe(7);
    again.close();
  });

  it('says what to do when the file is not a database', async () => {
    await mkdir(join(directory, 'a', 'b'), { recursive: true });
    await writeFile(path, 'this is no database at all, and long enough to be read as one'.repeat(100));
    const fault = await failure();
    expect(fault).toMatchObject({ kind: 'internal', code: 'store.failed' });
    expect(fault.message).toContain('Move it away');
  });

  it('says what to do when a newer version wrote the file', async () => {
    await open();
    await closeAll();
    const db = new SQLite(path);
    db.exec('UPDATE sandbox_schema SET version = 99');
    db.close();
    expect((await failure()).message).toContain('newer version');
  });

  it('says what to do when a record cannot be read', async () => {
    const record = sampleRecord();
    await (await open()).insert(record);
    await closeAll();
    const db = new SQLite(path);
    db.exec("UPDATE sandbox_records SET body = '{'");
    db.close();
    expect((await failure()).message).toContain(record.id);
  });

  it('says what to do when another process locks the file', { timeout: 20_000 }, async () => {
    await open();
    await closeAll();
    const other = new SQLite(path);
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('BEGIN EXCLUSIVE');
    const fault = await failure();
    other.close();
    expect(fault).toMatchObject({ kind: 'unavailable', code: 'store.busy' });
    expect(fault.message).toContain('locked by another process');
  });

  it('says what to do when the directory cannot be used', async () => {
    await writeFile(join(directory, 'a'), 'a file where a directory is needed');
    expect(await failure()).toMatchObject({ kind: 'internal', code: 'store.failed' });
  });

  it('applies a change to what another process wrote meanwhile', async () => {
    const [mine, theirs] = [await open(), await open()];
    const record = sampleRecord();
    await mine.insert(record);
    await closeAll();
    const [first, second] = [await open(), await open()];
    await second.update(record.id, (current) => ({ ...current, metadata: { theirs: '1' } }));
    const updated = await first.update(record.id, (current) => ({
      ...current,
      metadata: { ...current.metadata, mine: '1' },
    }));
    expect(updated).toMatchObject({ metadata: { theirs: '1', mine: '1' }, revision: 3 });
    expect(theirs.get(record.id)).toBeUndefined();
  });

  it('leaves no trace of a password once the record has none', async () => {
    const source = {
      kind: 'image' as const,
      uri: 'private:1',
      auth: { username: 'me', password: new Secret('correct-horse-battery') },
    };
    const record = sampleRecord({ spec: sampleSpec({ source }) });
    const store = await open();
    await store.insert(record);
    await store.update(record.id, (current) => ({
      ...current,
      spec: { ...current.spec, source: { ...source, auth: undefined } },
    }));
    await closeAll();
    expect((await readFile(path)).includes('correct-horse-battery')).toBe(false);
  });

  it('refuses work after it was closed', async () => {
    const store = await open();
    await closeAll();
    await expect(store.insert(sampleRecord())).rejects.toMatchObject({ code: 'store.failed' });
  });

  it('writes what was asked for in the turn it is closed', async () => {
    const record = sampleRecord();
    const inserting = (await open()).insert(record);
    await closeAll();
    await inserting;
    expect((await open()).get(record.id)).toEqual(record);
  });
});
