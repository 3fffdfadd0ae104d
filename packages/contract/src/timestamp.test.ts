import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatTimestamp, isProblem, parseTimestamp } from './timestamp.ts';

function reread(text: string): string {
  const result = parseTimestamp(text);
  return isProblem(result) ? `${result.kind}: ${result.why}` : formatTimestamp(result);
}

describe('formatTimestamp', () => {
  it('writes no fraction when there is none', () => {
    expect(formatTimestamp(Date.UTC(2026, 0, 2, 3, 4, 5))).toBe('2026-01-02T03:04:05Z');
  });

  it('writes six digits of fraction otherwise', () => {
    expect(formatTimestamp(Date.UTC(2026, 0, 2, 3, 4, 8, 500))).toBe('2026-01-02T03:04:08.500000Z');
    expect(formatTimestamp({ ms: Date.UTC(2026, 0, 2, 3, 4, 5, 678), micros: 901 })).toBe(
      '2026-01-02T03:04:05.678901Z',
    );
    expect(formatTimestamp({ ms: 0, micros: 1 })).toBe('1970-01-01T00:00:00.000001Z');
  });
});

describe('parseTimestamp', () => {
  it.each([
    ['2030-01-01T08:00:00.123456789+08:00', '2030-01-01T00:00:00.123456Z'],
    ['2030-01-01t08:00:00z', '2030-01-01T08:00:00Z'],
    ['2030-01-01 08:00', '2030-01-01T08:00:00Z'],
    ['2030-01-01_08:00:00.5', '2030-01-01T08:00:00.500000Z'],
    ['2030-01-01T08:00:00-0130', '2030-01-01T09:30:00Z'],
    ['2030-01-01', '2030-01-01T00:00:00Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
    ['1700000000', '2023-11-14T22:13:20Z'],
    ['1700000000.25', '2023-11-14T22:13:20.250000Z'],
    ['1700000000000', '2023-11-14T22:13:20Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.999999Z'],
  ])('reads %s as %s', (text, expected) => {
    expect(reread(text)).toBe(expected);
  });

  it.each([
    ['nope', 'datetime_from_date_parsing'],
    ['', 'datetime_from_date_parsing'],
    ['2030-13-01T00:00:00Z', 'datetime_from_date_parsing'],
    ['2023-02-29', 'datetime_from_date_parsing'],
    ['2030-01-01T24:00:00Z', 'datetime_from_date_parsing'],
    ['2030-01-01T00:00:60Z', 'datetime_from_date_parsing'],
    ['2030-01-01T00:00:00+25:00', 'datetime_from_date_parsing'],
    ['2030-01-01T00:00:00Zjunk', 'datetime_from_date_parsing'],
    ['0000-01-01', 'datetime_from_date_parsing'],
    ['9999-12-31T23:59:59-08:00', 'datetime_parsing'],
    ['0001-01-01T00:00:00+08:00', 'datetime_parsing'],
    ['999999999999999999', 'datetime_parsing'],
  ])('refuses %s with %s', (text, kind) => {
    const result = parseTimestamp(text);
    expect(isProblem(result) ? result.kind : result).toBe(kind);
  });

  it('reads back every moment that formatTimestamp writes', () => {
    const moments = fc.record({
      ms: fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }),
      micros: fc.integer({ min: 0, max: 999 }),
    });
    fc.assert(
      fc.property(moments, (moment) => {
        expect(parseTimestamp(formatTimestamp(moment))).toEqual(moment);
      }),
    );
  });
});
