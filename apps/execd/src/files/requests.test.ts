import { describe, expect, it } from 'vitest';
import { elementsOf, entriesOf, integerQuery, queryOf, requiredPath } from './requests.ts';

const query = (text: string): URLSearchParams => new URLSearchParams(text);

describe('integerQuery', () => {
  it.each([
    ['', undefined],
    ['depth=', undefined],
    ['depth=0', 0],
    ['depth=%2B3', 3],
    ['depth=12', 12],
  ])('reads %j', (text, value) => {
    expect(integerQuery(query(text), 'depth', 0)).toBe(value);
  });

  it.each(['-1', 'abc', '1.5', '1e3', '0x10', ' 1', '99999999999999999999'])('refuses %j', (value) => {
    expect(() => integerQuery(query(`depth=${encodeURIComponent(value)}`), 'depth', 0)).toThrow(
      `invalid query parameter 'depth': ${value}`,
    );
  });
});

describe('requiredPath', () => {
  it.each(['', 'path=', 'other=x'])('refuses %j', (text) => {
    expect(() => requiredPath(query(text))).toThrow("missing query parameter 'path'");
  });
});

describe('queryOf', () => {
  it('reads the query whatever the rest of the URL is', () => {
    expect(queryOf({ url: 'http://[bad host/files?path=%2Fa&path=b+c' }).getAll('path')).toEqual([
      '/a',
      'b c',
    ]);
    expect([...queryOf({ url: 'http://h/files' })]).toEqual([]);
  });
});

describe('entriesOf and elementsOf', () => {
  it('keep keys as they are', () => {
    expect(entriesOf(JSON.parse('{"__proto__":1,"A":2}'))).toEqual([
      ['__proto__', 1],
      ['A', 2],
    ]);
  });

  it('take null as empty and refuse the other shape', () => {
    expect(entriesOf(null)).toEqual([]);
    expect(elementsOf(null)).toEqual([]);
    expect(() => entriesOf([])).toThrow('an object is expected');
    expect(() => elementsOf({})).toThrow('an array is expected');
  });
});
