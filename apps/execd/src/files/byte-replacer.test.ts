import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReplacer } from './byte-replacer.ts';

function replace(text: string, from: string, to: string, chunkSize: number): { text: string; count: number } {
  const replacer = new ByteReplacer({ old: Buffer.from(from), new: Buffer.from(to) });
  const bytes = Buffer.from(text, 'latin1');
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunkSize) {
    out.push(...replacer.push(bytes.subarray(at, at + chunkSize)));
  }
  out.push(replacer.finish());
  return { text: Buffer.concat(out).toString('latin1'), count: replacer.count };
}

describe('ByteReplacer', () => {
  it.each([
    ['hello hello', 'hello', 'bye', 'bye bye', 2],
    ['aaaa', 'aa', 'b', 'bb', 2],
    ['aaa', 'aa', 'b', 'ba', 1],
    ['abc', 'x', 'y', 'abc', 0],
    ['abc', 'b', '', 'ac', 1],
    ['', 'b', 'c', '', 0],
    ['a\xff\x00b', 'b', 'c', 'a\xff\x00c', 1],
  ])('in %j replaces %j with %j', (text, from, to, ...[expected, count]) => {
    for (const size of [1, 2, 100]) expect(replace(text, from, to, size)).toEqual({ text: expected, count });
  });

  it('agrees with replaceAll however the bytes are cut', () => {
    const ab = (maxLength: number, minLength = 0): fc.Arbitrary<string> =>
      fc.string({ unit: fc.constantFrom('a', 'b'), maxLength, minLength });
    fc.assert(
      fc.property(ab(40), ab(4, 1), ab(4), fc.nat(8), (text, from, to, size) => {
        expect(replace(text, from, to, size + 1).text).toBe(text.replaceAll(from, to));
      }),
      { numRuns: 500 },
    );
  });
});
