import { describe, expect, it } from 'vitest';
import { choosePlace, inheritedFrom } from './places.ts';

const names = (path: string): string[] => path.split('/');

describe('choosePlace', () => {
  it.each([
    ['one/a', []],
    ['one/a', ['one/b', 'one/ab', 'two']],
    ['one', ['one-more']],
  ])('takes the usual place for %s beside %j', (key, occupied) => {
    expect(choosePlace(key, occupied.map(names))).toEqual(names(key));
  });

  it.each([
    ['one/a', ['one']],
    ['one', ['two', 'one/a/b']],
  ])('takes another place for %s with %j, always the same', (key, occupied) => {
    const place = choosePlace(key, occupied.map(names));
    expect(place.slice(0, 2)).toEqual(['.opensandbox', 'apart']);
    expect(place[2]).toMatch(/^[0-9a-f]{32}$/);
    expect(choosePlace(key, occupied.map(names))).toEqual(place);
  });
});

describe('inheritedFrom', () => {
  it.each<[string, { of: string; made: number }[], number]>([
    ['one/a', [], 0],
    ['one/a', [{ of: 'two/b', made: 2 }], 0],
    ['one/a', [{ of: 'one/b', made: 2 }], 2],
    ['one/a', [{ of: 'one/b', made: 1 }], 0],
    ['one/a/x', [{ of: 'one/a/y', made: 2 }], 2],
    ['one/a/x', [{ of: 'one/a/y', made: 1 }, { of: 'one/b', made: 2 }], 3], // prettier-ignore
  ])('of %s is how many of its directories %j made', (path, others, expected) => {
    const taken = others.map(({ of, made }) => ({ names: names(of), made }));
    expect(inheritedFrom(taken, names(path))).toBe(expected);
  });
});
