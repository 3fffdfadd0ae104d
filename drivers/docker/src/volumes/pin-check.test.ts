import { describe, expect, it } from 'vitest';
import { findAbsent } from './pin-check.ts';

const [one, two] = [
  { dev: 1n, ino: 1n },
  { dev: 1n, ino: 2n },
];

describe('findAbsent', () => {
  it('finds nothing when everything is mounted, whatever else is', () => {
    expect(findAbsent([two, one], ['9:9', '1:1', '1:2'])).toBeUndefined();
    expect(findAbsent([one, one], ['1:1', '1:1'])).toBeUndefined();
  });

  it('finds what is not mounted', () => {
    expect(findAbsent([one, two], ['9:9', '1:1'])).toBe(two);
  });

  it('does not take one mount for two: a second volume of the same place hides no exchange of the first', () => {
    expect(findAbsent([one, one], ['9:9', '1:1'])).toBe(one);
  });
});
