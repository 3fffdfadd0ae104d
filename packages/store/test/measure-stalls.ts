/**
 * Prints how long the store keeps the event loop from running: `npx tsx packages/store/test/measure-stalls.ts [DIR]`.
 * Ten thousand writes, ten at a time; then a hundred while another process holds the write lock for two seconds.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { openScope, silentLogger } from '@opensandbox/base';
import type { SandboxStore } from '@opensandbox/core';
import { sampleRecord } from '@opensandbox/testkit';
import { openSqliteStore } from '../src/index.ts';

const WRITES = 10_000;
const AT_ONCE = 10;

interface Figures {
  readonly longestBlockMs: number;
  readonly blocksOver20Ms: number;
  readonly slowestWriteMs: number;
  readonly seconds: number;
}

/** How late a timer of one millisecond is, again and again: the loop was kept from running for as long. */
function watchTimers(): { end(): readonly number[] } {
  const lengths: number[] = [];
  const life = new AbortController();
  const watch = async (): Promise<void> => {
    for (let before = performance.now(); !life.signal.aborted; before = performance.now()) {
      await sleep(1);
      lengths.push(performance.now() - before - 1);
    }
  };
  void watch();
  return {
    end() {
      life.abort();
      return lengths;
    },
  };
}

async function measure(write: () => Promise<unknown>, count: number): Promise<Figures> {
  const timers = watchTimers();
  const began = performance.now();
  let slowest = 0;
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const asked = performance.now();
      await write();
      slowest = Math.max(slowest, performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  await sleep(20); // a block shows after it
  const lengths = timers.end();
  return {
    longestBlockMs: Math.round(lengths.reduce((a, b) => Math.max(a, b), 0) * 10) / 10,
    blocksOver20Ms: lengths.filter((length) => length > 20).length,
    slowestWriteMs: Math.round(slowest),
    seconds,
  };
}

/** Another program that keeps the write lock for a while, as a backup or a person's shell does. */
async function holdWriteLock(path: string, ms: number): Promise<void> {
  const module = createRequire(import.meta.url).resolve('better-sqlite3');
  const code =
    `const db = new (require(${JSON.stringify(module)}))(${JSON.stringify(path)}, { timeout: 60000 });` +
    `db.exec('BEGIN IMMEDIATE'); console.log('locked'); setTimeout(() => db.exec('ROLLBACK'), ${ms});`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
}

async function writeMany(store: SandboxStore, path: string): Promise<void> {
  console.log('nothing, for scale', await measure(() => sleep(5), 3000));
  const record = sampleRecord();
  await store.insert(record);
  let count = 0;
  const write = (): Promise<unknown> => {
    count += 1;
    if (count % 2 === 0) return store.insert(sampleRecord());
    return store.update(record.id, (current) => ({ ...current, expiresAt: count }));
  };
  console.log('10 000 writes     ', await measure(write, WRITES));
  await holdWriteLock(path, 2000);
  console.log('behind a lock, 2 s', await measure(write, 100));
  await sleep(200);
}

const directory = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'opensandbox-stalls-'));
const scope = openScope(silentLogger);
try {
  const path = join(directory, 'store.db');
  await writeMany(await openSqliteStore({ path }, scope), path);
} finally {
  await scope[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
}
