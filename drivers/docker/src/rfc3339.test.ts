import { describe, expect, it } from 'vitest';
import { formatLabelTime, readRfc3339 } from './rfc3339.ts';

describe('readRfc3339', () => {
  it.each([
    ['2026-11-21T13:06:55.148418874Z', Date.UTC(2026, 10, 21, 13, 6, 55, 148)],
    ['2026-11-20T15:22:12.984649+00:00', Date.UTC(2026, 10, 20, 15, 22, 12, 984)],
    ['2026-11-20T15:22:12.5Z', Date.UTC(2026, 10, 20, 15, 22, 12, 500)],
    ['2026-11-20T15:22:12+08:00', Date.UTC(2026, 10, 20, 7, 22, 12)],
    ['2026-11-20T15:22:12-0130', Date.UTC(2026, 10, 20, 16, 52, 12)],
    ['2026-11-20T15:22:12', Date.UTC(2026, 10, 20, 15, 22, 12)],
  ])('reads %s', (text, epochMs) => {
    expect(readRfc3339(text)).toBe(epochMs);
  });

  it.each(['', 'garbage', '2026-13-40T00:00:00Z', '2026-11-20', '0001-01-01T00:00:00Z'])(
    'knows no time in %j',
    (text) => {
      expect(readRfc3339(text)).toBeUndefined();
    },
  );
});

describe('formatLabelTime', () => {
  it.each([
    [Date.UTC(2026, 10, 20, 15, 22, 12, 984), '2026-11-20T15:22:12.984000+00:00'],
    [Date.UTC(2026, 10, 20, 15, 22, 12), '2026-11-20T15:22:12+00:00'],
  ])('writes %i with an offset and microseconds', (epochMs, text) => {
    expect(formatLabelTime(epochMs)).toBe(text);
    expect(readRfc3339(text)).toBe(epochMs);
  });
});
