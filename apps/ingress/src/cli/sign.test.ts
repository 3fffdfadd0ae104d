import { describe, expect, it } from 'vitest';
import { parseExpires, parseTtl, signedRoute } from './sign.ts';

const request = {
  keyId: 'a',
  keyList: 'a=bXktdGVzdC1zZWNyZXQ=\n',
  sandboxId: 'sbx-001',
  port: 8080,
  expires: 2_000_000_000n,
  form: 'short',
  mode: 'header',
  address: undefined,
} as const;

describe('signedRoute', () => {
  it.each([
    [{}, ['sbx-001-8080-x2qxvk-0ff8cd39a']],
    [{ mode: 'uri' }, ['/sbx-001/8080/x2qxvk/0ff8cd39a']],
    [
      { address: 'http://gw:28888' },
      ['http://gw:28888', 'OpenSandbox-Ingress-To: sbx-001-8080-x2qxvk-0ff8cd39a'],
    ],
    [{ mode: 'uri', address: 'https://gw/s/' }, ['https://gw/s/sbx-001/8080/x2qxvk/0ff8cd39a']],
    [{ mode: 'wildcard', address: '*.example.com' }, ['sbx-001-8080-x2qxvk-0ff8cd39a.example.com']],
  ] as const)('with %j is %j', (changes, lines) => {
    expect(signedRoute({ ...request, ...changes })).toEqual(lines);
  });

  it('says which keys there are', () => {
    expect(() => signedRoute({ ...request, keyId: 'z' })).toThrow('Known keys: a.');
  });
});

describe('the times of a signed route', () => {
  it.each([
    ['90', 90n],
    ['90s', 90n],
    ['15m', 900n],
    ['12h', 43_200n],
    ['7d', 604_800n],
  ])('reads %s', (text, seconds) => {
    expect(parseTtl(text)).toBe(seconds);
  });

  it.each(['', '1w', '-1', '1.5h', 'h'])('refuses a life of %j', (text) => {
    expect(() => parseTtl(text)).toThrow('--ttl takes a time');
  });

  it('lie ahead and have 64 bits', () => {
    expect(parseExpires('2000000000', 1n)).toBe(2_000_000_000n);
    for (const text of ['1', '0', '-5', 'x', '18446744073709551616', '01']) {
      expect(() => parseExpires(text, 1n)).toThrow('--expires takes a Unix time');
    }
  });
});
