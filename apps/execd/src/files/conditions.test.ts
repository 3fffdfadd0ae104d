import { describe, expect, it } from 'vitest';
import { evaluateConditions, rangeApplies } from './conditions.ts';

const version = { etag: '"v1"', mtimeMs: Date.parse('2025-01-02T03:04:05.678Z') };
const SAME = 'Thu, 02 Jan 2025 03:04:05 GMT';
const OLDER = 'Thu, 02 Jan 2025 03:04:04 GMT';

describe('evaluateConditions', () => {
  it.each([
    [{}, 'proceed'],
    [{ 'if-modified-since': SAME }, 'not_modified'],
    [{ 'if-modified-since': OLDER }, 'proceed'],
    [{ 'if-modified-since': 'yesterday' }, 'proceed'],
    [{ 'if-none-match': '"v1"' }, 'not_modified'],
    [{ 'if-none-match': 'W/"v1", "v0"' }, 'not_modified'],
    [{ 'if-none-match': '*' }, 'not_modified'],
    [{ 'if-none-match': '"v0"', 'if-modified-since': SAME }, 'proceed'],
    [{ 'if-match': '"v0"' }, 'failed'],
    [{ 'if-match': '"v1"' }, 'proceed'],
    [{ 'if-match': '*' }, 'proceed'],
    [{ 'if-unmodified-since': OLDER }, 'failed'],
    [{ 'if-unmodified-since': SAME }, 'proceed'],
  ])('answers %j with %s', (headers, expected) => {
    expect(evaluateConditions(new Headers(headers as Record<string, string>), version)).toBe(expected);
  });
});

describe('rangeApplies', () => {
  it.each([
    [null, true],
    ['"v1"', true],
    ['"v0"', false],
    ['W/"v1"', false],
    [SAME, true],
    [OLDER, false],
    ['garbage', false],
  ])('answers %j with %s', (header, expected) => {
    expect(rangeApplies(header, version)).toBe(expected);
  });
});
