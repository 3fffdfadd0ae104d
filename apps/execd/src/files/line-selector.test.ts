import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSelector } from './line-selector.ts';

function select(text: string, offset: number, limit: number, chunkSize = 1000): string {
  const selector = new LineSelector({ offset, limit });
  const bytes = Buffer.from(text);
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length && !selector.done; at += chunkSize) {
    out.push(...selector.push(bytes.subarray(at, at + chunkSize)));
  }
  return Buffer.concat(out).toString();
}

/** The same by way of the whole text. */
function reference(text: string, offset: number, limit: number): string {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines
    .slice(offset - 1, offset - 1 + limit)
    .map((line) => line.replace(/\r+$/, ''))
    .join('\n');
}

describe('LineSelector', () => {
  it.each([
    ['a\nb\nc\n', 1, Infinity, 'a\nb\nc'],
    ['a\nb\nc', 1, Infinity, 'a\nb\nc'],
    ['a\nb\nc\nd\n', 2, 2, 'b\nc'],
    ['a\nb\nc\nd\n', 4, Infinity, 'd'],
    ['a\nb\n', 1, 1, 'a'],
    ['a\nb\n', 100, Infinity, ''],
    ['', 1, Infinity, ''],
    ['\n\n', 1, Infinity, '\n'],
    ['a\r\nb\r\r\nc\r', 1, Infinity, 'a\nb\nc'],
    ['a\rb\n', 1, Infinity, 'a\rb'],
  ])('takes of %j from %d, at most %d', (text, offset, limit, expected) => {
    for (const chunkSize of [1, 2, 1000]) expect(select(text, offset, limit, chunkSize)).toBe(expected);
  });

  it('stops asking for more once the last line is complete', () => {
    const selector = new LineSelector({ offset: 1, limit: 1 });
    selector.push(Buffer.from('a\nb'));
    expect(selector.done).toBe(true);
  });

  it('gives the same however the bytes are cut', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\n', '\r', 'é'), maxLength: 40 });
    fc.assert(
      fc.property(
        text,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        fc.nat(6),
        (...args) => {
          const [content, offset, limit, cut] = args;
          expect(select(content, offset, limit, cut + 1)).toBe(reference(content, offset, limit));
        },
      ),
      { numRuns: 500 },
    );
  });
});
