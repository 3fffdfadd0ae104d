import { describe, expect, it } from 'vitest';
import type { LogStream } from './log-frames.ts';
import { LogTail } from './log-tail.ts';

const AT = '2026-01-02T03:04:05.123456789Z ';

function tailOf(maxBytes: number, entries: readonly (readonly [LogStream, string | Buffer])[]): LogTail {
  const tail = new LogTail(maxBytes);
  for (const [stream, text] of entries) tail.add({ stream, bytes: Buffer.from(text), isStart: true });
  return tail;
}

describe('LogTail', () => {
  it('joins what the engine cut, with the time of the beginning', () => {
    const tail = tailOf(1000, [
      ['stdout', `${AT}aaa`],
      ['stderr', `${AT}other\n`],
      ['stdout', `${AT}bbb`],
      ['stdout', `${AT}ccc\n`],
      ['stdout', `${AT}next\n`],
    ]);
    expect(tail.text()).toBe(`${AT}other\n${AT}aaabbbccc\n${AT}next\n`);
    expect(tail).toMatchObject({ isTruncated: false, entries: 5 });
  });

  it('ends a last line that has no end', () => {
    expect(tailOf(1000, [['stdout', 'half']]).text()).toBe('half\n');
    expect(new LogTail(10).text()).toBe('');
  });

  it('keeps whole lines from the end', () => {
    const tail = tailOf(8, [
      ['stdout', 'one\n'],
      ['stdout', 'two\nthree'],
      ['stdout', '!\n'],
    ]);
    expect(tail.text()).toBe('three!\n');
    expect(tail.isTruncated).toBe(true);
  });

  it('keeps the end of one endless line, and no half character', () => {
    const tail = tailOf(10, [['stdout', '€'.repeat(100)]]);
    expect(tail.text()).toBe('€€€\n');
    expect(tail.isTruncated).toBe(true);
  });

  it('replaces what is no UTF-8', () => {
    expect(tailOf(100, [['stdout', Buffer.from([0x61, 0xff, 0xc3, 0x0a])]]).text()).toBe('a\ufffd\ufffd\n');
  });

  it('holds no more than it may, whatever comes', () => {
    const tail = new LogTail(1000);
    const piece = Buffer.alloc(700, 'x');
    for (let count = 0; count < 5000; count += 1)
      tail.add({ stream: 'stdout', bytes: piece, isStart: false });
    expect(tail.text().length).toBeLessThanOrEqual(1000);
    expect(tail.bytes).toBe(3_500_000);
  });
});
