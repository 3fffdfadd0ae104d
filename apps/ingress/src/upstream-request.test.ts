import { describe, expect, it } from 'vitest';
import { plainAddress, upstreamRequest } from './upstream-request.ts';

const route = { sandboxId: 'box', port: 80, proof: undefined };
const address = { host: '10.0.0.9', port: 80, basePath: '' };
const headersFor = (rawHeaders: readonly string[], peer: string | undefined = '192.0.2.1') =>
  upstreamRequest({ route, path: '/', request: { rawHeaders: [...rawHeaders] }, peer }, address).headers;

describe('upstreamRequest', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    [
      'adds where it came from',
      ['Host', 'a.b'],
      ['X-Forwarded-Proto', 'http', 'X-Forwarded-Host', 'a.b', 'X-Forwarded-For', '192.0.2.1'],
    ],
    [
      'appends to where it came from, and keeps what was said before',
      [
        'X-Forwarded-For',
        '1.1.1.1',
        'X-Forwarded-Proto',
        'https',
        'X-Forwarded-Host',
        'h',
        'x-forwarded-for',
        '2.2.2.2',
      ],
      [
        'X-Forwarded-Proto',
        'https',
        'X-Forwarded-Host',
        'h',
        'X-Forwarded-For',
        '1.1.1.1, 2.2.2.2, 192.0.2.1',
      ],
    ],
    [
      'drops what is for the gateway, however it is written',
      [
        'opensandbox-INGRESS-to',
        'x',
        'OPEN-SANDBOX-INGRESS',
        'y',
        'opensandbox-secure-access',
        'z',
        'X-Kept',
        '1',
      ],
      ['X-Kept', '1', 'X-Forwarded-Proto', 'http', 'X-Forwarded-For', '192.0.2.1'],
    ],
    [
      'drops what a client declares to be for one hop, and says it anew',
      ['Connection', 'x-forwarded-for', 'X-Forwarded-For', '1.1.1.1'],
      ['X-Forwarded-Proto', 'http', 'X-Forwarded-For', '192.0.2.1'],
    ],
  ])('%s', (_what, rawHeaders, sent) => {
    expect(headersFor(rawHeaders)).toEqual(sent);
  });

  it('says nothing of a client that has no address', () => {
    expect(headersFor(['X-Forwarded-Proto', 'https'], '')).toEqual(['X-Forwarded-Proto', 'https']);
  });

  it.each([0, 65536, 70000, Number.NaN])('refuses to dial port %s', (port) => {
    const ask = () =>
      upstreamRequest(
        { route, path: '/', request: { rawHeaders: [] }, peer: undefined },
        { ...address, port },
      );
    expect(ask).toThrow('upstream unreachable: there is no port 80 of sandbox box');
  });
});

describe('plainAddress', () => {
  it.each([
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::1', '::1'],
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:abcd', '::ffff:abcd'],
  ])('writes %s as %s', (peer, plain) => {
    expect(plainAddress(peer)).toBe(plain);
  });
});
