import { describe, expect, it } from 'vitest';
import { sortByBytes } from './read-entries.ts';

describe('sortByBytes', () => {
  it('orders names by their UTF-8 bytes, not by their UTF-16 units', () => {
    const names = ['\u{1F600}', '\uFF21', 'b', 'a', 'B', 'é', 'a.b', 'a-b', 'aé'];
    const sorted = sortByBytes(names.map((name) => ({ name }))).map(({ name }) => name);
    expect(sorted).toEqual([...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    expect(sorted.slice(-2)).toEqual(['\uFF21', '\u{1F600}']);
  });

  it('orders plain names the same way', () => {
    const names = ['b', 'B', 'a', '_', 'aa', 'é'];
    expect(sortByBytes(names.map((name) => ({ name }))).map(({ name }) => name)).toEqual([
      'B',
      '_',
      'a',
      'aa',
      'b',
      'é',
    ]);
  });
});
