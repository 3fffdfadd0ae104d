import { describe, expect, it } from 'vitest';
import { modeBits, parsePermission } from './permission.ts';

describe('modeBits', () => {
  it.each([
    [755, 0o755],
    [7, 0o7],
    [4755, 0o755],
    [1777, 0o777],
  ])('reads %d as octal digits', (digits, bits) => {
    expect(modeBits(digits)).toBe(bits);
  });

  it.each([899, 8, -755])('refuses %d', (digits) => {
    expect(() => modeBits(digits)).toThrow('invalid mode');
  });
});

describe('parsePermission', () => {
  it('takes absent and null alike', () => {
    expect(parsePermission({ owner: null, Mode: 644 }, '')).toEqual({ mode: 644, owner: '', group: '' });
    expect(parsePermission(null, '')).toEqual({ mode: 0, owner: '', group: '' });
  });
});
