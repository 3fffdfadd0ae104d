import type { Fault } from '@opensandbox/base';
import type { SandboxRecord } from '@opensandbox/core';
import { FakeClock, sampleRecord, settle } from '@opensandbox/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { formatRecord } from './record-codec.ts';
import { SqliteStore } from './sqlite-store.ts';
import { storeFault } from './store-faults.ts';
import type { Conflict, WriteOp, Writer } from './write-protocol.ts';

/** A disk that answers when it is told to. */
class SlowWriter implements Writer {
  readonly asked: (readonly WriteOp[])[] = [];
  isClosed = false;
  #waiting: { resolve: (conflict?: Conflict) => void; reject: (error: unknown) => void }[] = [];

  write(ops: readonly WriteOp[]): Promise<Conflict | undefined> {
    this.asked.push(ops);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async answer(conflict?: Conflict): Promise<void> {
    await settle();
    this.#waiting.shift()?.resolve(conflict);
    await settle();
  }

  async fail(error: unknown): Promise<void> {
    await settle();
    this.#waiting.shift()?.reject(error);
    await settle();
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

const LIMIT_MS = 10_000;

describe('SqliteStore', () => {
  let clock: FakeClock;
  let writer: SlowWriter;
  let store: SqliteStore;
  let record: SandboxRecord;

  beforeEach(() => {
    clock = new FakeClock();
    writer = new SlowWriter();
    record = sampleRecord();
    const toFault = (error: unknown): Fault => storeFault(error, '/store.db');
    store = new SqliteStore({ records: [record], writer, toFault, clock, limitMs: LIMIT_MS });
  });

  const renewTo = (expiresAt: number) => (current: SandboxRecord) => ({ ...current, expiresAt });
  const kinds = (): string[][] => writer.asked.map((ops) => ops.map((op) => op.kind));

  async function tooSlow(write: Promise<unknown>): Promise<void> {
    const refused = expect(write).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'store.busy',
      retryAfterMs: 1000,
      message: expect.stringContaining('within 10 seconds') as string,
    });
    await clock.advance(LIMIT_MS);
    await refused;
  }

  it('shows a change when it is on disk, not before', async () => {
    const update = store.update(record.id, renewTo(5));
    await settle();
    expect(store.get(record.id)?.expiresAt).toBeUndefined();
    await writer.answer();
    expect((await update).expiresAt).toBe(5);
    expect(store.get(record.id)?.expiresAt).toBe(5);
    expect(clock.pending).toEqual([]);
  });

  it('tells a caller that the disk hangs, and follows it when it answers after all', async () => {
    await tooSlow(store.update(record.id, renewTo(5)));
    expect(store.get(record.id)?.expiresAt).toBeUndefined();
    await writer.answer();
    expect(store.get(record.id)).toMatchObject({ expiresAt: 5, revision: 2 });
  });

  it('takes back an insert that was refused because the disk hung', async () => {
    const late = sampleRecord();
    await tooSlow(store.insert(late));
    await writer.answer();
    expect(store.get(late.id)).toBeUndefined();
    expect(store.list()).toEqual([record]);
    await writer.answer();
    expect(kinds()).toEqual([['insert'], ['remove']]);
    expect(store.get(late.id)).toBeUndefined();
  });

  it('takes such an insert back with a later write when the disk refuses that at first', async () => {
    const late = sampleRecord();
    await tooSlow(store.insert(late));
    await writer.answer();
    await writer.fail(Object.assign(new Error('locked'), { code: 'SQLITE_BUSY' }));
    const update = store.update(record.id, renewTo(5));
    await writer.answer();
    await update;
    expect(writer.asked.at(-1)).toEqual([
      expect.objectContaining({ kind: 'replace', id: record.id }),
      { kind: 'remove', id: late.id },
    ]);
    await store.update(record.id, (current) => current);
    expect(writer.asked).toHaveLength(3);
  });

  it('never writes what was refused before its turn came', async () => {
    const hanging = store.update(record.id, renewTo(5));
    hanging.catch(() => undefined);
    await settle();
    await tooSlow(store.insert(sampleRecord()));
    await writer.answer();
    await store[Symbol.asyncDispose]();
    expect(kinds()).toEqual([['replace']]);
  });

  it('shares one transaction among all that is asked for while one is under way', async () => {
    const first = store.update(record.id, renewTo(5));
    await settle();
    const others = [
      store.update(record.id, renewTo(6)),
      store.insert(sampleRecord()),
      store.remove(record.id),
    ];
    await writer.answer();
    await writer.answer();
    await Promise.all([first, ...others]);
    expect(kinds()).toEqual([['replace'], ['replace', 'insert', 'remove']]);
  });

  it('repeats the whole transaction when another process wrote one of its rows', async () => {
    const inserted = sampleRecord();
    const all = [
      store.insert(inserted),
      store.update(record.id, (current) => ({ ...current, metadata: { ...current.metadata, mine: '1' } })),
    ];
    const theirs = formatRecord({ ...record, metadata: { theirs: '1' }, revision: 7 });
    await writer.answer({ id: record.id, body: theirs });
    await writer.answer();
    await Promise.all(all);
    expect(store.get(record.id)).toMatchObject({ metadata: { theirs: '1', mine: '1' }, revision: 8 });
    expect(store.get(inserted.id)).toEqual(inserted);
    expect(writer.asked[1]?.[1]).toMatchObject({ kind: 'replace', from: 7, revision: 8 });
  });

  it('knows that another process removed or made the row', async () => {
    const update = expect(store.update(record.id, renewTo(5))).rejects.toMatchObject({ kind: 'not_found' });
    await writer.answer({ id: record.id, body: undefined });
    await update;
    const insert = expect(store.insert(record)).rejects.toMatchObject({ code: 'store.exists' });
    await writer.answer({ id: record.id, body: formatRecord(record) });
    await insert;
  });

  it('tells everybody in a transaction that failed, and keeps none of it', async () => {
    const inserted = sampleRecord();
    const outcomes = Promise.allSettled([store.insert(inserted), store.update(record.id, renewTo(5))]);
    await writer.fail(Object.assign(new Error('no space'), { code: 'SQLITE_FULL' }));
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { kind: 'internal', code: 'store.failed' },
      });
    }
    expect(store.list()).toEqual([record]);
    expect(clock.pending).toEqual([]);
  });

  it('closes in time although the disk hangs', async () => {
    const hanging = expect(store.update(record.id, renewTo(5))).rejects.toMatchObject({ code: 'store.busy' });
    const closing = store[Symbol.asyncDispose]();
    await clock.advance(LIMIT_MS);
    await closing;
    await hanging;
    expect(writer.isClosed).toBe(true);
  });
});
