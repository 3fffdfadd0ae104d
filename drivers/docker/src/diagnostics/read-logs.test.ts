import { PassThrough, Readable } from 'node:stream';
import { Fault } from '@opensandbox/base';
import { FakeClock, settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { ContainerInspect } from '../engine/answers.ts';
import type { LogQuery } from '../engine/diagnostic-calls.ts';
import type { LogRequest } from './read-logs.ts';
import { readLogs } from './read-logs.ts';

const REQUEST: LogRequest = { lines: 100, since: undefined, maxBytes: 1000 };
const signal = new AbortController().signal;

function frame(text: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(1, 0);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

function containerOf(change: Partial<ContainerInspect> = {}, tty = false): ContainerInspect {
  return { Id: 'c', Created: '', State: {}, Config: { Tty: tty }, ...change };
}

interface Asked {
  readonly queries: LogQuery[];
  readonly read: (request?: Partial<LogRequest>, inspect?: ContainerInspect) => ReturnType<typeof readLogs>;
  readonly clock: FakeClock;
}

/** An engine whose log is what `answer` makes of a query. */
function engineWith(answer: (query: LogQuery, life: AbortSignal) => Readable): Asked {
  const queries: LogQuery[] = [];
  const clock = new FakeClock();
  const logs = async (_id: string, query: LogQuery, life: AbortSignal): Promise<Readable> => {
    queries.push(query);
    return await Promise.resolve(answer(query, life));
  };
  return {
    queries,
    clock,
    read: (request = {}, inspect = containerOf()) =>
      readLogs({ engine: { logs }, clock }, { inspect, request: { ...REQUEST, ...request } }, signal),
  };
}

describe('readLogs', () => {
  it('reads frames, or a terminal without them', async () => {
    const framed = engineWith(() => Readable.from([frame('a\n'), frame('b\n')]));
    expect(await framed.read()).toEqual({ text: 'a\nb\n', isTruncated: false, warnings: [] });
    const terminal = engineWith(() => Readable.from([Buffer.from('a\r\nb')]));
    expect((await terminal.read({}, containerOf({}, true)))?.text).toBe('a\r\nb\n');
  });

  it('asks for fewer entries when they are too long, and says that it left some out', async () => {
    const engine = engineWith(({ entries }) =>
      Readable.from(Array.from({ length: entries }, (_, index) => frame(`${'x'.repeat(400)}${index}\n`))),
    );
    const found = await engine.read();
    expect(engine.queries.map(({ entries }) => entries)).toEqual([100, 5]);
    expect(found).toMatchObject({ isTruncated: true, warnings: [] });
    expect(found?.text.split('\n')).toHaveLength(3);
  });

  it('reads the rest in the end, however long the entries are', async () => {
    const engine = engineWith(() =>
      Readable.from(Array.from({ length: 50 }, () => frame('y'.repeat(900) + '\n'))),
    );
    const found = await engine.read();
    expect(engine.queries).toHaveLength(3);
    expect(found?.text).toBe(`${'y'.repeat(900)}\n`);
  });

  it('keeps what had come when the link breaks, and says so', async () => {
    const engine = engineWith(() =>
      Readable.from(
        (async function* () {
          yield frame('first\n');
          await settle();
          throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
        })(),
      ),
    );
    const found = await engine.read();
    expect(found).toMatchObject({
      text: 'first\n',
      warnings: [expect.stringContaining('stopped in the middle')],
    });
  });

  it('fails when nothing had come', async () => {
    const error = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    const engine = engineWith(() => new Readable({ read: (): void => undefined }).destroy(error));
    await expect(engine.read()).rejects.toMatchObject({ code: 'engine.unavailable' });
  });

  it('waits for a silent engine only so long', async () => {
    const engine = engineWith((_query, life) => {
      const stream = new PassThrough();
      stream.write(frame('first\n'));
      life.addEventListener('abort', () => stream.destroy(new Error('aborted')));
      return stream;
    });
    const reading = engine.read();
    await engine.clock.advance(30_000);
    expect(await reading).toMatchObject({ text: 'first\n', warnings: [expect.any(String)] });
  });

  it.each([
    ['not_found', undefined],
    ['conflict', undefined],
    ['unsupported', "(The engine's log driver 'none' keeps no output that can be read.)\n"],
  ] as const)('takes a refusal of kind %s as an answer', async (kind, text) => {
    const engine = engineWith(() => {
      throw new Fault(kind, 'engine.failed', 'no');
    });
    const inspect = containerOf({ HostConfig: { LogConfig: { Type: 'none' } } });
    expect((await engine.read({}, inspect))?.text).toBe(text);
  });

  it.each([
    [{ Type: 'json-file', Config: {} }, 0],
    [{ Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } }, 1],
    [{ Type: 'local', Config: null }, 1],
  ])('warns of logs that the engine cuts: %j', async (LogConfig, count) => {
    const engine = engineWith(() => Readable.from([frame('a\n')]));
    expect((await engine.read({}, containerOf({ HostConfig: { LogConfig } })))?.warnings).toHaveLength(count);
  });
});
