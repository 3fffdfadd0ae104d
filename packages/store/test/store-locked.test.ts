import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scope } from '@opensandbox/base';
import { openScope, silentLogger } from '@opensandbox/base';
import type { SandboxStore } from '@opensandbox/core';
import { sampleRecord } from '@opensandbox/testkit';
import SQLite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../src/index.ts';

describe('a store whose file another program has locked', () => {
  let directory: string;
  let path: string;
  let scope: Scope;
  let other: SQLite.Database;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opensandbox-store-'));
    path = join(directory, 'store.db');
    scope = openScope(silentLogger);
  });

  afterEach(async () => {
    other.close();
    await scope[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  async function openLocked(limitMs: number): Promise<SandboxStore> {
    const store = await openSqliteStore({ path, limitMs }, scope);
    other = new SQLite(path);
    other.exec('BEGIN IMMEDIATE');
    return store;
  }

  it('waits for it without keeping anybody else from running, and writes then', async () => {
    const store = await openLocked(20_000);
    const record = sampleRecord();
    const ticks: number[] = [];
    let isWritten = false;
    const inserting = store.insert(record).then(() => (isWritten = true));
    for (let tick = 0; tick < 10; tick += 1) {
      const before = performance.now();
      await sleep(30);
      ticks.push(performance.now() - before);
    }
    expect(isWritten).toBe(false);
    // A wait on the event loop would make one tick as long as SQLite's whole patience.
    expect(Math.max(...ticks)).toBeLessThan(5000);
    other.exec('ROLLBACK');
    await inserting;
    expect(store.get(record.id)).toEqual(record);
  });

  it('refuses with a fault that says to try again, and works once it is free', async () => {
    const store = await openLocked(2_000); // long enough for a disk that others keep busy
    const record = sampleRecord();
    await expect(store.insert(record)).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'store.busy',
      message: expect.stringMatching(/locked by another process|did not finish writing/) as string,
    });
    expect(store.get(record.id)).toBeUndefined();
    other.exec('ROLLBACK');
    await store.insert(record);
    expect(store.get(record.id)).toEqual(record);
  });
});
