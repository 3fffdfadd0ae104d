import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonLimitError, JsonSyntaxError, parseJson } from './parse-json.ts';

function syntaxError(text: string): readonly [message: string, offset: number] {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return [error.message, error.offset];
  }
  throw new Error(`${text} was accepted`);
}

describe('parseJson', () => {
  it('reads whatever JSON.parse reads, to the same value', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        expect(parseJson(text)).toEqual(withExactIntegers(JSON.parse(text)));
      }),
    );
  });

  it('refuses whatever JSON.parse refuses', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ minLength: 1, maxLength: 2 }), (text, at, junk) => {
        const place = at % (text.length + 1);
        const broken = text.slice(0, place) + junk + text.slice(place + 1);
        let expected: unknown;
        try {
          expected = JSON.parse(broken);
        } catch {
          expect(() => parseJson(broken)).toThrow();
          return;
        }
        expect(parseJson(broken)).toEqual(withExactIntegers(expected));
      }),
    );
  });

  it.each([
    ['{bad', 'Expecting property name enclosed in double quotes', 1],
    ['{"a" 1}', "Expecting ':' delimiter", 5],
    ['{"a":}', 'Expecting value', 5],
    ['{"a":1 "b"}', "Expecting ',' delimiter", 7],
    ['{"a":1,}', 'Expecting property name enclosed in double quotes', 7],
    ['[1 2]', "Expecting ',' delimiter", 3],
    ['"abc', 'Unterminated string starting at', 0],
    ['"a\nb"', 'Invalid control character at', 2],
    ['"\\q"', 'Invalid \\escape', 1],
    ['"\\u12"', 'Invalid \\uXXXX escape', 2],
    ['{} x', 'Extra data', 3],
    ['   ', 'Expecting value', 3],
    ['NaN', 'Expecting value', 0],
    ['[-Infinity]', 'Expecting value', 1],
    ['["😀" x]', "Expecting ',' delimiter", 5],
  ])('tells what is wrong with %s and where', (text, message, offset) => {
    expect(syntaxError(text)).toEqual([message, offset]);
  });

  it('keeps integers beyond 2^53 exact', () => {
    expect(parseJson('100000000000000000001')).toBe(100000000000000000001n);
    expect(parseJson('-9007199254740993')).toBe(-9007199254740993n);
    expect(parseJson('9007199254740991')).toBe(9007199254740991);
  });

  it('takes the last of duplicate keys', () => {
    expect(parseJson('{"a":1,"a":2}')).toEqual({ a: 2 });
  });

  it('makes __proto__ an ordinary member', () => {
    const value = parseJson('{"__proto__":{"x":1}}') as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['__proto__']);
  });

  it('refuses nesting without end', () => {
    expect(() => parseJson('['.repeat(100_000))).toThrow(JsonLimitError);
    expect(() => parseJson('{"a":'.repeat(100_000))).toThrow(JsonLimitError);
  });

  it('refuses integers of more than 4300 digits', () => {
    expect(parseJson('1'.repeat(4300))).toBeTypeOf('bigint');
    expect(() => parseJson('1'.repeat(4301))).toThrow(JsonLimitError);
  });
});

/** What JSON.parse rounds, this parser keeps; generated integers beyond 2^53 are round numbers. */
function withExactIntegers(value: unknown): unknown {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return expect.toSatisfy((actual: unknown) => Number(actual) === value);
  }
  if (Array.isArray(value)) return value.map(withExactIntegers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withExactIntegers(member)]));
}
