import { describe, expect, it } from 'vitest';
import { hasWholeRoot, isNested, isShared, isWithin, parseMountTable } from './mount-table.ts';

const MACHINE = `27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 27 0:5 / /proc rw - proc proc rw
56 27 0:54 / /mnt/a\\040b rw,nosuid shared:7 - fuse bucket rw
57 56 0:55 / /mnt/tab\\011back\\134 rw master:1 - fuse bucket rw
`;
const CONTAINER = `600 500 0:99 / / rw - overlay overlay rw
601 600 254:0 /srv /mnt/ossfs rw shared:7 master:1 - ext4 /dev/vda rw
602 600 254:0 /srv /mnt/private rw master:1 - ext4 /dev/vda rw
`;

describe('parseMountTable', () => {
  it('reads mount points, blanks and backslashes included', () => {
    expect([...parseMountTable(MACHINE)]).toEqual(['/', '/proc', '/mnt/a b', '/mnt/tab\tback\\']);
  });
});

describe('hasWholeRoot', () => {
  it('tells a machine from a container', () => {
    expect([hasWholeRoot(MACHINE), hasWholeRoot(CONTAINER)]).toEqual([true, false]);
    expect(hasWholeRoot('27 1 254:0 /var/lib/docker/vfs/x / rw - ext4 /dev/vda rw')).toBe(false);
  });
});

describe('isShared', () => {
  it.each([
    ['/mnt/ossfs', true],
    ['/mnt/ossfs/deep/below', true],
    ['/mnt/private/x', false],
    ['/mnt/other', false],
  ])('of %s is %s', (path, expected) => {
    expect(isShared(CONTAINER, path)).toBe(expected);
  });
});

describe('isNested', () => {
  it('compares whole names', () => {
    expect([isNested('/a/b', '/a'), isNested('/a', '/a/b'), isNested('/a', '/a')]).toEqual([
      true,
      true,
      true,
    ]);
    expect([isNested('/ab', '/a'), isWithin('/a', '/a/b')]).toEqual([false, false]);
  });
});
