import { describe, expect, it } from 'vitest';
import { NO_SEAL, openAnswer, openRequest, sealAnswer, sealRequest } from './sealed-head.ts';

const plain = { method: 'GET', target: '/a%2Fb?x=1', rawHeaders: ['Accept', '*/*'] };
const odd = { method: 'GET', target: '/a\\b^?x', rawHeaders: ['X-A', '1', 'X-A', '2', 'X-B', '\xe4'] };
const sealOf = (texts: unknown): string => Buffer.from(JSON.stringify(texts)).toString('base64url');

describe('a sealed request', () => {
  it('comes out as it went in, when it needs a seal', () => {
    expect(sealRequest(plain)).toBe(NO_SEAL);
    expect(openRequest(sealRequest(plain, true))).toEqual(plain);
    expect(openRequest(sealRequest(odd))).toEqual(odd);
  });

  it('is not made of a head that would not fit', () => {
    expect(sealRequest({ ...odd, rawHeaders: ['X-Big', 'x'.repeat(10_000)] })).toBe(NO_SEAL);
  });

  it.each([
    null,
    NO_SEAL,
    '',
    'nonsense',
    sealOf({}),
    sealOf([1, 2]),
    sealOf(['GET']),
    sealOf(['GET', 'no-slash']),
    sealOf(['GET', '/a b']),
    sealOf(['GET /x HTTP/1.1\r\nA:', '/']),
    sealOf(['GET', '/', 'X-A']),
    sealOf(['GET', '/', 'X A', '1']),
    sealOf(['GET', '/', 'X-A', '1\r\nX-B: 2']),
    sealOf(['GET', '/', 'X-A', '\u0100']),
  ])('is nothing when it is not sound: %j', (text) => {
    expect(openRequest(text)).toBeUndefined();
  });
});

describe('a sealed answer', () => {
  it('keeps what would get lost', () => {
    const cookies = ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Content-Length', '9'];
    expect(sealAnswer(cookies, false)).toBeUndefined();
    expect(openAnswer(sealAnswer(cookies, true) ?? '')).toEqual(cookies);
    expect(openAnswer(sealAnswer(odd.rawHeaders, false) ?? '')).toEqual(odd.rawHeaders);
    expect(openAnswer('nonsense')).toBeUndefined();
  });
});
