import { FakeClock, settle } from '@opensandbox/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandError } from './agent-event.ts';
import { formatEvent } from './event-line.ts';
import { openEventStream } from './event-stream.ts';
import { openTextStream } from './text-stream.ts';

const never = new AbortController().signal;

describe('formatEvent', () => {
  it('is one line of JSON and an empty line', () => {
    expect(formatEvent({ type: 'init', text: 'abc' }, 12)).toBe(
      '{"type":"init","text":"abc","timestamp":12}\n\n',
    );
    expect(formatEvent(commandError('3', 'exit status 3'), 12)).toBe(
      '{"type":"error","error":{"ename":"CommandExecError","evalue":"3","traceback":["exit status 3"]},"timestamp":12}\n\n',
    );
  });

  it('holds nothing inside that a client could take for the end of a line', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '\n', '\r', '\u0085', '\u2028', '\u2029', '\v') }),
        (text) => {
          const line = formatEvent({ type: 'stdout', text }, 1);
          expect(line.slice(0, -2)).not.toMatch(/[\n\r\v\u0085\u2028\u2029]/);
          expect((JSON.parse(line) as { text: string }).text).toBe(text);
        },
      ),
    );
  });

  it('cuts output that is too long for one event between characters', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'ä', '😀', '\u2028', '"'),
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(text, (whole) => {
        const lines = formatEvent({ type: 'stdout', text: whole }, 1, 90).split('\n\n').slice(0, -1);
        const texts = lines.map((line) => (JSON.parse(line) as { text: string }).text);
        expect(texts.join('')).toBe(whole);
        expect(texts.every((piece) => !/^[\uDC00-\uDFFF]/.test(piece))).toBe(true);
        expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThanOrEqual(90);
      }),
    );
  });
});

describe('a text stream', () => {
  it('holds its writer back until the client has taken enough', async () => {
    const stream = openTextStream(never);
    let written = false;
    void stream.write('x'.repeat(300_000)).then(() => (written = true));
    await settle();
    expect(written).toBe(false);
    await stream.body.getReader().read();
    await settle();
    expect(written).toBe(true);
  });

  it('lets its writer go on into nothing when the client has left', async () => {
    const leaving = new AbortController();
    const stream = openTextStream(leaving.signal);
    const blocked = stream.write('x'.repeat(300_000));
    leaving.abort();
    await blocked;
    await stream.write('y');
    expect(stream.gone.aborted).toBe(true);
    stream.end();
  });
});

describe('an event stream', () => {
  it('pings behind init, then every three seconds, until the end', async () => {
    const clock = new FakeClock(0);
    const stream = openEventStream(clock, never);
    void stream.send({ type: 'init', text: 'id' });
    await clock.advance(6500);
    void stream.send({ type: 'execution_complete', execution_time: 5 });
    stream.end();
    await clock.advance(9000);
    const lines = (await stream.response.text()).split('\n\n').slice(0, -1);
    const seen = lines.map((line) => JSON.parse(line) as { type: string; timestamp: number });
    expect(seen.map((event) => [event.type, event.timestamp])).toEqual([
      ['init', 0],
      ['ping', 0],
      ['ping', 3000],
      ['ping', 6000],
      ['execution_complete', 6500],
    ]);
    expect(clock.pending).toEqual([]);
  });

  it('pings nobody who has left', async () => {
    const clock = new FakeClock(0);
    const leaving = new AbortController();
    const stream = openEventStream(clock, leaving.signal);
    void stream.send({ type: 'init', text: 'id' });
    leaving.abort();
    expect(clock.pending).toEqual([]);
    stream.end();
  });
});
