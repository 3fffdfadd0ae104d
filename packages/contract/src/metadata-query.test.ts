import { isFault } from '@opensandbox/base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMetadataQuery } from './metadata-query.ts';

describe('parseMetadataQuery', () => {
  it.each([
    [undefined, {}],
    ['', {}],
    ['team=infra', { team: 'infra' }],
    ['team=infra&tier=web', { team: 'infra', tier: 'web' }],
    ['note=', { note: '' }],
    ['=x', { '': 'x' }],
    ['a=1;b=2', { a: '1;b=2' }],
    ['a=b=c', { a: 'b=c' }],
    ['a=1&a=2', { a: '2' }],
    ['a+b=c%20d', { 'a b': 'c d' }],
    ['k%2Fn=%C3%BC', { 'k/n': 'ü' }],
    ['a=%zz%', { a: '%zz%' }],
    ['a=%ff', { a: '\uFFFD' }],
  ])('reads %s', (text, expected) => {
    expect(parseMetadataQuery(text)).toEqual(expected);
  });

  it.each([
    ['team=infra&broken', "'broken'"],
    ['&a=1', "''"],
    ['a=1&', "''"],
    ["it's", '"it\'s"'],
  ])('refuses %s and quotes the part', (text, quoted) => {
    try {
      parseMetadataQuery(text);
      expect.unreachable();
    } catch (error) {
      expect(isFault(error, 'invalid') && [error.code, error.message]).toEqual([
        'request.metadata_query',
        `Invalid metadata format: bad query field: ${quoted}`,
      ]);
    }
  });

  it('reads what URLSearchParams writes', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((value) => value !== '__proto__');
    fc.assert(
      fc.property(fc.dictionary(text, text, { noNullPrototype: true }), (labels) => {
        expect(parseMetadataQuery(new URLSearchParams(labels).toString())).toEqual(labels);
      }),
    );
  });
});
