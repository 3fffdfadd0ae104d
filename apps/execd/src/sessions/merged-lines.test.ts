import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMergedLines } from './merged-lines.ts';

function linesOf(pieces: readonly Uint8Array[], longest = 1000): string[] {
  const lines = createMergedLines(longest);
  return [...pieces.flatMap((piece) => lines.push(piece)), ...lines.finish()];
}

describe('createMergedLines', () => {
  it.each([
    ['', []],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\n\nb\n\n\nc\n', ['a', '\n', 'b', '\n', '\n', 'c']],
    ['x\r\ny\rz\r\n', ['x', 'y\rz']],
    ['\r\n', ['\n']],
    ['\ufeffa', ['\ufeffa']],
  ])('splits %j', (text, lines) => {
    expect(linesOf([Buffer.from(text)])).toEqual(lines);
  });

  it('shows bytes that are no text as such', () => {
    expect(linesOf([Buffer.from([0x61, 0xff, 0x0a, 0xc3])])).toEqual(['a\ufffd', '\ufffd']);
  });

  it('gives the same lines however the bytes are cut', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '🙂', '\r', '\n', '\r\n') });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 5 }), (all, size) => {
        const bytes = Buffer.from(all);
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        expect(linesOf(pieces)).toEqual(linesOf([bytes]));
      }),
    );
  });

  it('hands a long line out in pieces, without an empty one at its end', () => {
    expect(linesOf([Buffer.from('abcdef'), Buffer.from('ghi\r'), Buffer.from('\nx\n')], 4)).toEqual([
      'abcdef',
      'ghi',
      'x',
    ]);
    expect(linesOf([Buffer.from('abcd'), Buffer.from('\n\n')], 4)).toEqual(['abcd', '\n']);
  });
});
