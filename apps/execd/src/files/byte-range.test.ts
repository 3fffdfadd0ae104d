import { describe, expect, it } from 'vitest';
import { parseRange } from './byte-range.ts';

const part = (first: number, last: number): unknown => ({ kind: 'part', first, last });

describe('parseRange of ten bytes', () => {
  it.each([
    [null, { kind: 'whole' }],
    ['', { kind: 'whole' }],
    ['bytes=0-9', part(0, 9)],
    ['bytes=0-0', part(0, 0)],
    ['bytes=5-', part(5, 9)],
    ['bytes=-3', part(7, 9)],
    ['bytes=-99', part(0, 9)],
    ['bytes=0-999', part(0, 9)],
    ['bytes=20-30,2-3', part(2, 3)],
    ['bytes=2-3, 5-6', part(2, 3)],
    ['bytes=10-', { kind: 'unsatisfiable' }],
    ['bytes=100-', { kind: 'unsatisfiable' }],
    ['bytes=-0', { kind: 'unsatisfiable' }],
    ['bytes=5-2', { kind: 'malformed' }],
    ['bytes=a-b', { kind: 'malformed' }],
    ['bytes=-', { kind: 'malformed' }],
    ['bytes=', { kind: 'malformed' }],
    ['bytes=1-2,x', { kind: 'malformed' }],
    ['x', { kind: 'malformed' }],
    ['items=0-1', { kind: 'malformed' }],
  ])('answers %j', (header, expected) => {
    expect(parseRange(header, 10)).toEqual(expected);
  });

  it('serves an empty file whole, unless the range is malformed', () => {
    expect(parseRange('bytes=0-9', 0)).toEqual({ kind: 'whole' });
    expect(parseRange('bytes=-3', 0)).toEqual({ kind: 'whole' });
    expect(parseRange('bytes=x', 0)).toEqual({ kind: 'malformed' });
  });
});
