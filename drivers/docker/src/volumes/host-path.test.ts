import { describe, expect, it } from 'vitest';
import { followLink, namesBelow, outermost, pathFlaw } from './host-path.ts';

describe('namesBelow', () => {
  it.each([
    ['/data', '/data', []],
    ['/data/a/b', '/data', ['a', 'b']],
    ['/data/..x', '/data', ['..x']],
    ['/data//a/./b/', '/data/', ['a', 'b']],
    ['/etc', '/', ['etc']],
    ['/', '/', []],
    ['/data-evil', '/data', undefined],
    ['/dat', '/data', undefined],
    ['/data\\x', '/data', undefined],
  ])('%s below %s is %j', (path, above, names) => {
    expect(namesBelow(path, above)).toEqual(names);
  });
});

describe('outermost', () => {
  it('drops what lies in another, and what is said twice', () => {
    const prefixes = ['/data/in', '/data', '/data/', '/srv', '/data-evil', '/srv//deep/./er'];
    expect(outermost(prefixes)).toEqual(['/data', '/data-evil', '/srv']);
  });

  it('keeps the root alone', () => {
    expect(outermost(['/data', '/'])).toEqual(['/']);
  });
});

describe('followLink', () => {
  it.each([
    ['/data/a', 'b', '/data/a/b'],
    ['/data/a', './b/../c', '/data/a/c'],
    ['/data/a', '../../../../etc', '/etc'],
    ['/data/a', '/etc/x/..', '/etc'],
    ['/', '..', '/'],
  ])('in %s a link to %s leads to %s', (directory, target, end) => {
    expect(followLink(directory, target)).toBe(end);
  });
});

describe('pathFlaw', () => {
  it('finds control characters and endless paths, and nothing else', () => {
    expect(pathFlaw('/data/ü b:c\\d')).toBeUndefined();
    expect(pathFlaw('/data/a\nb')).toContain('control characters');
    expect(pathFlaw('/data/a\u0000')).toContain('control characters');
    expect(pathFlaw('/a'.repeat(2_048))).toBe('is too long');
  });
});
