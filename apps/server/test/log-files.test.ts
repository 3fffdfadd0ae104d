import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { openFileSink, openLogs } from '@opensandbox/log';
import { FakeClock } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestHome } from './support/cli-process.ts';

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
});
afterEach(() => home[Symbol.dispose]());

const LINE = 'x'.repeat(9); // ten bytes with its line break

describe('file sink', () => {
  it('sets files aside at their largest size and keeps the newest few', () => {
    const path = home.path('a/b/server.log');
    const sink = openFileSink({ path, maxBytes: 20, backupCount: 2 });
    for (let n = 0; n < 9; n += 1) sink.write(`${n}${LINE.slice(1)}`);
    sink[Symbol.dispose]();
    expect(readdirSync(home.path('a/b')).sort()).toEqual(['server.log', 'server.log.1', 'server.log.2']);
    const firsts = ['server.log', 'server.log.1', 'server.log.2'].map((name) =>
      readFileSync(home.path(`a/b/${name}`), 'utf8')
        .split('\n')
        .map((line) => line.slice(0, 1))
        .join(''),
    );
    expect(firsts).toEqual(['8', '67', '45']);
  });

  it('does not stop its writer when the disk is full', () => {
    const sink = openFileSink({ path: '/dev/full', maxBytes: 1000, backupCount: 2 });
    expect(() => sink.write(LINE)).not.toThrow();
    sink[Symbol.dispose]();
  });

  it('starts the file over when no backups are kept', () => {
    const path = home.path('server.log');
    const sink = openFileSink({ path, maxBytes: 20, backupCount: 0 });
    for (let n = 0; n < 5; n += 1) sink.write(LINE);
    sink[Symbol.dispose]();
    expect(readFileSync(path, 'utf8')).toBe(`${LINE}\n`);
    expect(existsSync(`${path}.1`)).toBe(false);
  });

  it('counts what was in the file before', () => {
    const path = home.write('server.log', `${LINE}\n`);
    const sink = openFileSink({ path, maxBytes: 15, backupCount: 1 });
    sink.write(LINE);
    sink[Symbol.dispose]();
    expect(readFileSync(`${path}.1`, 'utf8')).toBe(`${LINE}\n`);
  });

  it('writes a line that is larger than a whole file', () => {
    const path = home.path('server.log');
    const sink = openFileSink({ path, maxBytes: 3, backupCount: 1 });
    sink.write(LINE);
    sink.write(LINE);
    sink[Symbol.dispose]();
    expect([readFileSync(path, 'utf8'), readFileSync(`${path}.1`, 'utf8')]).toEqual([
      `${LINE}\n`,
      `${LINE}\n`,
    ]);
  });
});

describe('openLogs', () => {
  const base = { format: 'text', fileMaxBytes: 1e6, fileBackupCount: 1 } as const;

  function open(options: Partial<Parameters<typeof openLogs>[0]>, isTTY = false) {
    const written: string[] = [];
    const stdout = { write: (text: string) => written.push(text), isTTY };
    const logs = openLogs(
      { ...base, level: 'info', fileEnabled: false, ...options },
      { clock: new FakeClock(), stdout },
    );
    return { logs, written };
  }

  it('keeps to its level and passes fields on to children', () => {
    const { logs, written } = open({ level: 'warn' });
    const child = logs.server.child({ requestId: 'r', a: 1 });
    child.info('quiet');
    child.warn('loud', { b: 2 });
    expect(written).toEqual(['WARNING:  2030-01-01 00:00:00+0000 [r] opensandbox: loud a=1 b=2\n']);
  });

  it('colours only on a terminal', () => {
    const terminal = open({}, true);
    terminal.logs.server.info('x');
    const pipe = open({});
    pipe.logs.server.info('x');
    expect([terminal.written[0]?.includes('\u001b'), pipe.written[0]?.includes('\u001b')]).toEqual([
      true,
      false,
    ]);
  });

  it('writes JSON objects when told so', () => {
    const { logs, written } = open({ format: 'json' });
    logs.server.info('x', { apiKey: 'hunter2', n: 1 });
    expect(JSON.parse(written[0] ?? '')).toEqual({
      time: '2030-01-01T00:00:00.000Z',
      level: 'info',
      event: 'x',
      apiKey: '[redacted]',
      n: 1,
    });
  });

  it('gives access lines a file of their own', () => {
    const filePath = home.path('server.log');
    const accessFilePath = home.path('access.log');
    const { logs, written } = open({ fileEnabled: true, filePath, accessFilePath });
    logs.server.info('one');
    logs.server.info('http.request', { n: 2 });
    logs[Symbol.dispose]();
    expect(written).toEqual([]);
    expect(readFileSync(filePath, 'utf8')).toMatch(/^ {4}INFO: {2}.*one\n$/);
    expect(readFileSync(accessFilePath, 'utf8')).toMatch(/access: http\.request n=2\n$/);
  });

  it('shares one file when both paths are the same', () => {
    const filePath = home.path('one.log');
    const { logs } = open({ fileEnabled: true, filePath, accessFilePath: filePath });
    logs.server.info('one');
    logs.server.info('http.request', { n: 2 });
    logs[Symbol.dispose]();
    expect(readFileSync(filePath, 'utf8').split('\n')).toHaveLength(3);
  });
});
