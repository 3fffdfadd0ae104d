import { systemClock } from '@opensandbox/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sortNames } from './sort-names.ts';
import { takeTurns } from './turns.ts';

const sorted = (names: readonly string[]): Promise<readonly string[]> =>
  sortNames(names, takeTurns(systemClock(), new AbortController().signal));
const byBytes = (names: readonly string[]): string[] =>
  [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

describe('sortNames', () => {
  it('orders names by their UTF-8 bytes, not by their UTF-16 units', async () => {
    const names = ['\u{1F600}', '\uFF21', 'b', 'a', 'B', 'é', 'a.b', 'a-b', 'aé'];
    const result = await sorted(names);
    expect(result).toEqual(byBytes(names));
    expect(result.slice(-2)).toEqual(['\uFF21', '\u{1F600}']);
  });

  it('orders any names the way their bytes compare', async () => {
    const names = fc.array(fc.string({ unit: 'grapheme', maxLength: 6 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(names, async (given) => {
        expect(await sorted(given)).toEqual(byBytes(given));
      }),
    );
  });

  it.each([0, 1, 4096, 4097, 20_000])('orders %i names', async (count) => {
    const names = Array.from({ length: count }, (_, index) => `name-${(index * 7919) % count}`);
    expect(await sorted(names)).toEqual(byBytes(names));
  });
});
