import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineSplitter } from './line-splitter.ts';

function split(pieces: readonly Uint8Array[], longest = 1_000_000): string[] {
  const splitter = createLineSplitter(longest);
  return [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.finish()];
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a line splitter', () => {
  it.each([
    ['a\n\nb\n\n\nc\n', ['a', '\n', 'b', '\n', '\n', 'c']],
    ['x\r\ny\rz', ['x', 'y', 'z']],
    ['\r\n\r\n', ['\n', '\n']],
    ['\r\r', ['\n', '\n']],
    ['', []],
    ['tail', ['tail']],
  ])('splits %j', (text, lines) => {
    expect(split([bytes(text)])).toEqual(lines);
  });

  it('gives the same lines however the bytes arrive', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\r', '\n', 'ä', '😀', '\u2028') });
    fc.assert(
      fc.property(text, fc.array(fc.nat({ max: 40 }), { maxLength: 5 }), (whole, cuts) => {
        const all = bytes(whole);
        const places = [0, ...cuts.map((cut) => Math.min(cut, all.length)), all.length].sort((a, b) => a - b);
        const pieces = places.slice(1).map((end, index) => all.subarray(places[index], end));
        expect(split(pieces)).toEqual(split([all]));
      }),
    );
  });

  it('replaces what is no UTF-8', () => {
    expect(split([new Uint8Array([0xff, 0x0a, 0xe2, 0x82])])).toEqual(['\uFFFD', '\uFFFD']);
  });

  it('hands out a line without end in pieces and adds no empty line for its end', () => {
    const pieces = Array.from({ length: 10 }, () => bytes('xxxx'));
    expect(split([...pieces, bytes('\nend\n')], 10)).toEqual([
      ...Array<string>(3).fill('x'.repeat(12)),
      'xxxx',
      'end',
    ]);
    expect(split([...pieces.slice(0, 3), bytes('\nend')], 12)).toEqual(['x'.repeat(12), 'end']);
    expect(split([...pieces.slice(0, 4), bytes('\n')], 12)).toEqual(['x'.repeat(12), 'xxxx']);
  });
});
