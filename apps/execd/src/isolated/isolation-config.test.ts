import { describe, expect, it } from 'vitest';
import { DEFAULT_ISOLATION, interpretIsolation, loadIsolationConfig } from './isolation-config.ts';

describe('interpretIsolation', () => {
  it('takes what is written over the defaults', () => {
    expect(interpretIsolation({ upper_root: '/u', upper_max_bytes: 0 })).toEqual({
      ...DEFAULT_ISOLATION,
      upperRoot: '/u',
      upperMaxBytes: 0,
    });
    expect(interpretIsolation({ allowed_writable: [] }).allowedWritable).toEqual([]);
  });

  it.each([
    [{ upper_root: 'relative' }],
    [{ upper_root: '/' }],
    [{ upper_max_bytes: -1 }],
    [{ allowed_writable: '/data' }],
    [{ diff_max_bytes: 'x' }],
  ])('refuses %j', (table) => {
    expect(() => interpretIsolation(table)).toThrow('must be');
  });
});

describe('loadIsolationConfig', () => {
  it('has defaults without a file', async () => {
    expect(await loadIsolationConfig(undefined)).toBe(DEFAULT_ISOLATION);
  });
});
