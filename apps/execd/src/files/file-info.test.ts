import { describe, expect, it } from 'vitest';
import { accountNames } from './account-names.ts';
import { formatFileInfo, formatTime } from './file-info.ts';

const accounts = accountNames('root:x:0:0::/:\n', 'root:x:0:\n');

describe('formatFileInfo', () => {
  it.each([
    [0o100644, 'file', 644],
    [0o104755, 'file', 755],
    [0o100007, 'file', 7],
    [0o041777, 'directory', 777],
    [0o120777, 'symlink', 777],
    [0o010600, 'other', 600],
    [0o100000, 'file', 0],
  ])('reads mode %o as %s %d', (mode, type, digits) => {
    const stats = { mode: BigInt(mode), size: 3n, uid: 0n, gid: 12n, mtimeNs: 1n, ctimeNs: 0n };
    expect(formatFileInfo('/a', stats, accounts)).toMatchObject({
      path: '/a',
      type,
      size: 3,
      owner: 'root',
      group: '12',
      mode: digits,
    });
  });
});

describe('formatTime', () => {
  const at = 1_735_786_984_123_456_789n; // 2025-01-02T03:03:04.123456789Z
  it.each([
    [at, 0, '2025-01-02T03:03:04.123456789Z'],
    [1_735_786_984_120_000_000n, 0, '2025-01-02T03:03:04.12Z'],
    [1_735_786_984_000_000_000n, 0, '2025-01-02T03:03:04Z'],
    [at, 480, '2025-01-02T11:03:04.123456789+08:00'],
    [at, -210, '2025-01-01T23:33:04.123456789-03:30'],
    [-1n, 0, '1969-12-31T23:59:59.999999999Z'],
  ])('writes %d at offset %d', (ns, offset, text) => {
    expect(formatTime(ns, offset)).toBe(text);
  });
});
