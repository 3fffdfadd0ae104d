import { describe, expect, it } from 'vitest';
import { decodeKey, parseKeyList } from './parse-keys.ts';

const text = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();

describe('parseKeyList', () => {
  it.each<[string, Record<string, string>]>([
    ['', {}],
    [' , ', {}],
    ['a=b25l', { a: 'one' }],
    [' a = b25l , b=dHdv, ', { a: 'one', b: 'two' }],
    ['a=b25l,a=dHdv', { a: 'two' }],
    ['# the old one\na=b25l\n\nb=dHdv\r\n', { a: 'one', b: 'two' }],
    ['7=YQ==', { 7: 'a' }],
  ])('reads %j', (list, keys) => {
    const read = [...parseKeyList(list)].map(([id, secret]) => [id, text(secret)]);
    expect(Object.fromEntries(read)).toEqual(keys);
  });

  it.each(['a', '=b25l', 'ab=b25l', 'A=b25l', 'a=', 'a=YQ', 'a=base64:YQ==', 'a=b2_l', 'a=b25l=', 'a=Y Q=='])(
    'refuses %j without showing it',
    (list) => {
      expect(() => parseKeyList(`b=dHdv,${list}`)).toThrow(
        /^Entry 2 of the signing keys is wrong: .*, for example /,
      );
    },
  );
});

describe('decodeKey', () => {
  it('takes a key without padding only where it is told to', () => {
    expect(text(decodeKey('YQ', 'optional'))).toBe('a');
    expect(text(decodeKey('YQ==', 'optional'))).toBe('a');
    expect(decodeKey('YQ', 'required')).toBeUndefined();
    expect(decodeKey('Y', 'optional')).toBeUndefined();
    expect(decodeKey('', 'optional')).toBeUndefined();
  });
});
