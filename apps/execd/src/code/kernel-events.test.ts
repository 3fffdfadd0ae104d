import { describe, expect, it } from 'vitest';
import { errorOf, eventsOfMessage } from './kernel-events.ts';
import { parseKernelMessage } from './kernel-message.ts';

const events = (type: string, content: Readonly<Record<string, unknown>>): unknown => {
  return eventsOfMessage({ type, parent: 'p', content });
};

describe('eventsOfMessage', () => {
  it.each([
    ['stream', { name: 'stdout', text: 'a\n\nb' }, [{ type: 'stdout', text: 'a\n\nb' }]],
    ['stream', { name: 'stderr', text: 'e' }, [{ type: 'stderr', text: 'e' }]],
    ['stream', { name: 'stdout', text: '' }, []],
    [
      'display_data',
      { data: { 'image/png': 'aGk=' } },
      [{ type: 'result', results: { 'image/png': 'aGk=' } }],
    ],
    ['display_data', { data: {} }, []],
    ['execute_result', { execution_count: 0, data: {} }, []],
    ['clear_output', { wait: true }, []],
    ['comm_open', { data: {} }, []],
    ['execute_input', { code: 'x' }, []],
  ])('%s %j becomes %j', (type, content, expected) => {
    expect(events(type, content)).toEqual(expected);
  });

  it('gives every value of a result as text', () => {
    const data = { 'text/plain': ['a\n', 'b'], 'application/json': { a: 1 }, 'x/number': 3, 'x/none': null };
    expect(events('execute_result', { execution_count: 2, data })).toEqual([
      { type: 'execution_count', execution_count: 2 },
      {
        type: 'result',
        results: { 'text/plain': 'a\nb', text: 'a\nb', 'application/json': '{"a":1}', 'x/number': '3' },
      },
    ]);
  });
});

describe('errorOf', () => {
  it('has a list of lines whatever the kernel sent', () => {
    expect(errorOf({ ename: 'E', evalue: 'v', traceback: null }).error).toEqual({
      ename: 'E',
      evalue: 'v',
      traceback: [],
    });
    expect(errorOf({}).error).toEqual({ ename: '', evalue: '', traceback: [] });
  });

  it('stays below what the shortest line buffer of a client holds', () => {
    const endless = 'é'.repeat(5_000_000);
    const event = errorOf({
      ename: 'E',
      evalue: endless,
      traceback: Array.from({ length: 500 }, () => endless),
    });
    expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(1_000_000);
  });
});

describe('parseKernelMessage', () => {
  it.each(['', 'null', '[]', '"x"', '{}', '{"header":null}'])('finds no message in %s', (frame) => {
    expect(parseKernelMessage(frame)).toBeUndefined();
  });

  it('reads a message that has no parent and no content', () => {
    const frame = JSON.stringify({ header: { msg_type: 'status' }, parent_header: {} });
    expect(parseKernelMessage(frame)).toEqual({ type: 'status', parent: '', content: {} });
  });
});
