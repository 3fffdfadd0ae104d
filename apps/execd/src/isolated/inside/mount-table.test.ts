import { describe, expect, it } from 'vitest';
import { isWithin, longestWithin, parseMountInfo } from './mount-table.ts';

describe('parseMountInfo', () => {
  it('reads places and their options, with what is escaped in them', () => {
    const text =
      '22 1 0:21 / /a\\040b rw,nosuid - tmpfs t rw\n23 1 0:22 /x / ro shared:1 - ext4 /dev/vda rw\n';
    expect(parseMountInfo(text)).toEqual([
      { path: '/a b', options: ['rw', 'nosuid'] },
      { path: '/', options: ['ro'] },
    ]);
  });
});

describe('longestWithin', () => {
  it.each([
    ['/w/lib/x', '/w/lib'],
    ['/w/library', '/w'],
    ['/w', '/w'],
    ['/etc', undefined],
  ])('finds for %s %s', (path, directory) => {
    expect(longestWithin(path, ['/w', '/w/lib', '/tmp'])).toBe(directory);
  });

  it('takes the root for the directory of everything', () => {
    expect(isWithin('/etc', '/')).toBe(true);
  });
});
