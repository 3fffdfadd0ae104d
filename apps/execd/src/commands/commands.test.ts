import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { parseCursor } from './command-logs.ts';
import { createCommandRecords } from './command-records.ts';
import type { CommandRecord } from './command-record.ts';
import { parseCommandRequest } from './command-request.ts';
import { parseRunAs, runAs } from './shell.ts';

describe('parseCommandRequest', () => {
  it('matches names without case and takes null for absent', () => {
    const body = {
      Command: 'ls',
      CWD: null,
      background: null,
      Timeout: 0,
      envs: { A: '1', B: null },
      other: 1,
    };
    expect(parseCommandRequest(body)).toEqual({
      command: 'ls',
      cwd: '',
      background: false,
      timeoutMs: undefined,
      uid: undefined,
      gid: undefined,
      envs: { A: '1' },
      partialLines: false,
    });
  });

  it.each([
    ['a list', []],
    ['null', null],
    ['no command', {}],
    ['a number for a text', { command: 1 }],
    ['a text for a flag', { command: 'x', background: 'yes' }],
    ['half a millisecond', { command: 'x', timeout: 0.5 }],
    ['a number for a variable', { command: 'x', envs: { A: 1 } }],
    ['a uid that is too large', { command: 'x', uid: 2 ** 32 }],
  ])('refuses %s', (_name, body) => {
    expect(() => parseCommandRequest(body)).toThrow(
      expect.objectContaining({ kind: 'invalid', code: 'INVALID_REQUEST_BODY' }) as Error,
    );
  });
});

describe('parseCursor', () => {
  it.each([
    [undefined, 0],
    ['', 0],
    ['12', 12],
    ['abc', 0],
    ['1.5', 0],
  ])('reads %s as %i', (text, cursor) => {
    expect(parseCursor(text)).toBe(cursor);
  });

  it('refuses a negative one', () => {
    expect(() => parseCursor('-1')).toThrow('invalid cursor');
  });
});

describe('runAs', () => {
  it('is read back as it was meant, and nothing meant for the program takes effect on the way', () => {
    const credentials = { uid: 5, gid: 6, groups: [6, 7] };
    const invocation = { file: '/bin/sh', args: ['-c', 'x'], env: { LD_PRELOAD: '/evil.so', A: '' } };
    const started = runAs(credentials, invocation, ['/opt/execd']);
    expect(Object.keys(started.env)).toEqual(['@LD_PRELOAD', '@A']);
    const parsed = parseRunAs(started.args, { ...started.env, STRAY: '1' });
    expect(parsed).toEqual({ credentials, invocation });
  });

  it('is not read out of ordinary arguments', () => {
    expect(parseRunAs(['--port', '1'], {})).toBeUndefined();
  });
});

describe('command records', () => {
  const limits = { keepMs: 1000, mostFinished: 3 };
  const record = (id: string): CommandRecord => {
    const nothing = { group: undefined, leader: undefined, dueAt: undefined, outputPath: undefined };
    return { id, command: 'x', startedAt: 0, ...nothing, end: undefined };
  };
  const success = { exit: { code: 0 }, error: '' };

  it('are kept while they run and for a time after', async () => {
    const clock = new FakeClock(0);
    const records = createCommandRecords(clock, limits);
    records.add(record('a'));
    await clock.advance(10_000);
    expect(records.running().map((one) => one.id)).toEqual(['a']);
    records.finish('a', success);
    expect(records.get('a')?.end).toEqual({ ...success, finishedAt: 10_000 });
    expect(records.running()).toEqual([]);
    await clock.advance(999);
    expect(records.get('a')).toBeDefined();
    await clock.advance(1);
    expect(records.get('a')).toBeUndefined();
    expect(clock.pending).toEqual([]);
  });

  it('are forgotten each at its own time', async () => {
    const clock = new FakeClock(0);
    const records = createCommandRecords(clock, limits);
    for (const id of ['a', 'b']) {
      records.add(record(id));
      records.finish(id, success);
      await clock.advance(600);
    }
    expect([records.get('a'), records.get('b')?.id]).toEqual([undefined, 'b']);
  });

  it('give up the oldest when there are too many', () => {
    const clock = new FakeClock(0);
    const records = createCommandRecords(clock, limits);
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      records.add(record(id));
      records.finish(id, success);
    }
    expect(['a', 'b', 'c', 'd', 'e'].filter((id) => records.get(id) !== undefined)).toEqual(['c', 'd', 'e']);
    expect(clock.pending).toHaveLength(1);
  });
});
