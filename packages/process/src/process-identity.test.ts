import { describe, expect, it } from 'vitest';
import { readProcessStat } from './process-identity.ts';

describe('readProcessStat', () => {
  const rest = 'S 1 42 42 0 -1 4194560 81 0 0 0 0 0 0 0 20 0 1 0 987654 2437120 200 18446744073709551615';

  it.each([
    ['a plain name', 'sh'],
    ['a name with spaces and parentheses', 'a) Z (b c'],
  ])('reads behind %s', (_name, name) => {
    expect(readProcessStat(`42 (${name}) ${rest}\n`)).toEqual({ state: 'S', startedTicks: '987654' });
  });

  it('knows nothing about what is cut short', () => {
    expect(readProcessStat('42 (sh) S 1')).toBeUndefined();
    expect(readProcessStat('')).toBeUndefined();
  });
});
