import { describe, expect, it } from 'vitest';
import { coerceBoolean, coerceDateTime, coerceInteger } from './coerce.ts';

const verdict = (result: ReturnType<typeof coerceInteger> | ReturnType<typeof coerceBoolean>): unknown =>
  result.ok ? result.value : result.rule.type;

describe('coerceInteger', () => {
  it.each([
    [60, 60],
    [120.0, 120],
    [true, 1],
    [false, 0],
    [' 2 ', 2],
    ['+1', 1],
    ['-1', -1],
    ['01', 1],
    ['1_000', 1000],
    ['1.0', 1],
    ['100000000000000000001', 100000000000000000001n],
    [1e20, 100000000000000000000n],
    [5n, 5n],
  ])('takes %s', (value, expected) => {
    expect(verdict(coerceInteger(value))).toBe(expected);
  });

  it.each([
    ['1.5', 'int_parsing'],
    ['abc', 'int_parsing'],
    ['', 'int_parsing'],
    ['1e3', 'int_parsing'],
    ['0x1', 'int_parsing'],
    ['1__0', 'int_parsing'],
    ['_1', 'int_parsing'],
    [60.5, 'int_from_float'],
    [Number.POSITIVE_INFINITY, 'finite_number'],
    [null, 'int_type'],
    [[], 'int_type'],
    [{}, 'int_type'],
  ])('refuses %s with %s', (value, type) => {
    expect(verdict(coerceInteger(value))).toBe(type);
  });
});

it('coerceInteger refuses a text of more than 4300 digits', () => {
  expect(verdict(coerceInteger('9'.repeat(4301)))).toBe('int_parsing');
});

describe('coerceBoolean', () => {
  it.each([true, 1, '1', 'true', 'TRUE', 't', 'yes', 'Y', 'on'])('takes %s for true', (value) => {
    expect(verdict(coerceBoolean(value))).toBe(true);
  });

  it.each([false, 0, '0', 'false', 'f', 'No', 'n', 'OFF'])('takes %s for false', (value) => {
    expect(verdict(coerceBoolean(value))).toBe(false);
  });

  it.each([
    ['maybe', 'bool_parsing'],
    ['', 'bool_parsing'],
    [' true', 'bool_parsing'],
    [2, 'bool_parsing'],
    [0.5, 'bool_type'],
    [null, 'bool_type'],
    [[], 'bool_type'],
  ])('refuses %s with %s', (value, type) => {
    expect(verdict(coerceBoolean(value))).toBe(type);
  });
});

describe('coerceDateTime', () => {
  it('takes Unix times in seconds and, when larger, in milliseconds', () => {
    const expected = { ok: true, value: { ms: 1_700_000_000_000, micros: 0 } };
    expect(coerceDateTime(1_700_000_000)).toEqual(expected);
    expect(coerceDateTime(1_700_000_000_000)).toEqual(expected);
  });

  it.each([[null], [true], [[]], [{}]])('refuses %s as no date-time at all', (value) => {
    const result = coerceDateTime(value);
    expect(result.ok ? undefined : result.rule).toEqual({
      type: 'datetime_type',
      msg: 'Input should be a valid datetime',
    });
  });

  it('says why a text is no date-time', () => {
    const result = coerceDateTime('nope');
    expect(result.ok ? undefined : result.rule).toEqual({
      type: 'datetime_from_date_parsing',
      msg: 'Input should be a valid datetime or date, input is too short',
      ctx: { error: 'input is too short' },
    });
  });
});
