import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFirstJson, readJsonBody, readOptionalJsonBody } from './json-body.ts';

describe('parseFirstJson', () => {
  it.each([
    ['{"a":1}', { a: 1 }],
    ['{"a":1} trailing', { a: 1 }],
    ['{"a":"}"}{', { a: '}' }],
    ['[1,[2]] ]', [1, [2]]],
    ['"a\\"b" x', 'a"b'],
    ['null{', null],
    [' \n 12 13', 12],
  ])('reads the first value of %j', (text, value) => {
    expect(parseFirstJson(text)).toEqual(value);
  });

  it.each(['', '  \n', '{', '[1', '"a', '{"a":}', 'nope', '{"a":1,} x', '}'])('refuses %j', (text) => {
    expect(() => parseFirstJson(text)).toThrow(SyntaxError);
  });

  it('ignores whatever follows a value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), (value, tail) => {
        const wire = JSON.stringify(value);
        expect(parseFirstJson(wire + tail)).toEqual(JSON.parse(wire));
      }),
    );
  });
});

describe('readJsonBody', () => {
  it('answers EOF when the body is empty', async () => {
    const request = new Request('http://agent/x', { method: 'POST', body: '' });
    await expect(readJsonBody(request)).rejects.toMatchObject({
      kind: 'invalid',
      code: 'INVALID_REQUEST_BODY',
      message: 'error parsing request, MAYBE invalid body format. EOF',
    });
  });
});

describe('readOptionalJsonBody', () => {
  it.each<[string | null, unknown]>([
    [null, null],
    ['', null],
    ['null', null],
    ['{"a":1}', { a: 1 }],
  ])('reads %j', async (body, value) => {
    const request = new Request('http://agent/x', { method: 'POST', body });
    expect(await readOptionalJsonBody(request, '')).toEqual(value);
  });

  it('refuses what is there and is no JSON', async () => {
    const request = new Request('http://agent/x', { method: 'POST', body: ' [' });
    await expect(readOptionalJsonBody(request, 'no: ')).rejects.toMatchObject({
      code: 'INVALID_REQUEST_BODY',
      message: expect.stringMatching(/^no: /) as string,
    });
  });
});
