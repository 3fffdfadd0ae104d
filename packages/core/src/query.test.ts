import { sampleRecord } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { SandboxQuery } from './lifecycle/lifecycle.ts';
import { runQuery } from './query.ts';
import type { Sandbox, SandboxRecord, SandboxState } from './sandbox.ts';
import { sandboxId } from './sandbox.ts';
import { statusOf } from './status.ts';

const view = (record: SandboxRecord): Sandbox => ({
  record,
  status: {
    state: record.intent === 'pause' ? 'Paused' : 'Running',
    reason: '',
    message: '',
    transitionAt: 0,
  },
  reach: { kind: 'none' },
});

const query = (change: Partial<SandboxQuery> = {}): SandboxQuery => ({
  states: undefined,
  metadata: {},
  page: 1,
  pageSize: 20,
  ...change,
});

const record = (id: string, createdAt: number, change: Partial<SandboxRecord> = {}): SandboxRecord =>
  sampleRecord({ id: sandboxId(id), createdAt, ...change });

const ids = (records: readonly SandboxRecord[], asked: SandboxQuery): readonly string[] =>
  runQuery(records, view, asked).items.map((sandbox) => sandbox.record.id);

describe('runQuery', () => {
  it('sorts the newest first, and by id where the moment is the same', () => {
    expect(ids([record('b', 1), record('c', 2), record('a', 1)], query())).toEqual(['c', 'a', 'b']);
  });

  it('finds any of the states, whatever their case, and nothing for unknown ones', () => {
    const records = [record('r', 2), record('p', 1, { intent: 'pause' })];
    expect(ids(records, query({ states: ['running', 'PAUSED'] }))).toEqual(['r', 'p']);
    expect(ids(records, query({ states: ['pAuSeD'] }))).toEqual(['p']);
    expect(ids(records, query({ states: ['Running,Paused'] }))).toEqual([]);
    expect(ids(records, query({ states: [''] }))).toEqual([]);
  });

  it('finds all of the metadata pairs, exactly', () => {
    const records = [
      record('x', 3, { metadata: { a: '1', b: '2' } }),
      record('y', 2, { metadata: { a: '1', note: '' } }),
      record('z', 1),
    ];
    expect(ids(records, query({ metadata: { a: '1' } }))).toEqual(['x', 'y']);
    expect(ids(records, query({ metadata: { a: '1', b: '2' } }))).toEqual(['x']);
    expect(ids(records, query({ metadata: { note: '' } }))).toEqual(['y']);
    expect(ids(records, query({ metadata: { constructor: 'x' } }))).toEqual([]);
  });

  it('cuts pages after filtering, and echoes a page beyond the end', () => {
    const records = Array.from({ length: 5 }, (_, at) => record(`s${at}`, at));
    expect(runQuery(records, view, query({ page: 2, pageSize: 2 }))).toMatchObject({
      items: [{ record: { id: 's2' } }, { record: { id: 's1' } }],
      page: 2,
      pageSize: 2,
      totalItems: 5,
    });
    expect(runQuery(records, view, query({ page: 99 }))).toMatchObject({
      items: [],
      page: 99,
      totalItems: 5,
    });
  });

  it('lists two hundred sandboxes in less than a millisecond', () => {
    const states: readonly SandboxState[] = ['Running'];
    const records = Array.from({ length: 200 }, (_, at) =>
      record(`s${at}`, at, { provisioning: { phase: 'ready', at } }),
    );
    const real = (one: SandboxRecord): Sandbox => ({
      ...view(one),
      status: { ...statusOf({ record: one, seen: undefined, progress: undefined }), state: 'Running' },
    });
    const asked = query({ states, pageSize: 200 });
    const samples = Array.from({ length: 50 }, () => {
      const began = performance.now();
      runQuery(records, real, asked);
      return performance.now() - began;
    }).sort((a, b) => a - b);
    expect(samples[0]).toBeLessThan(1);
  });
});
