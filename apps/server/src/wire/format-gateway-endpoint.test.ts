import { createKeyRing } from '@opensandbox/route-tokens';
import { describe, expect, it } from 'vitest';
import { type GatewaySettings, checkExpiry, formatGatewayEndpoint } from './format-gateway-endpoint.ts';

const keys = createKeyRing(new Map([['a', Buffer.from('my-test-secret')]]));
const signing = { activeKey: 'a', keys };
const target = { sandboxId: 'sbx-001', port: 8080, accessToken: undefined, egressToken: undefined };
const secured = { ...target, accessToken: 'access', egressToken: 'egress' };
const EXPIRES = 2_000_000_000n;

const wildcard: GatewaySettings = { mode: 'wildcard', address: '*.example.com', signing };
const uri: GatewaySettings = { mode: 'uri', address: 'gw.example.com/s', signing };
const header: GatewaySettings = { mode: 'header', address: 'gw.example.com', signing };
const ROUTE = 'OpenSandbox-Ingress-To';
const ACCESS = 'OpenSandbox-Secure-Access';

describe('formatGatewayEndpoint', () => {
  it.each([
    ['wildcard', wildcard, target, undefined, { endpoint: 'sbx-001-8080.example.com' }],
    ['wildcard', wildcard, secured, EXPIRES, { endpoint: 'sbx-001-8080-x2qxvk-0ff8cd39a.example.com' }],
    ['uri', uri, target, undefined, { endpoint: 'gw.example.com/s/sbx-001/8080' }],
    ['uri', uri, secured, EXPIRES, { endpoint: 'gw.example.com/s/sbx-001/8080/x2qxvk/0ff8cd39a' }],
    [
      'header',
      header,
      target,
      undefined,
      { endpoint: 'gw.example.com', headers: { [ROUTE]: 'sbx-001-8080' } },
    ],
    [
      'header',
      header,
      secured,
      EXPIRES,
      { endpoint: 'gw.example.com', headers: { [ROUTE]: 'sbx-001-8080-x2qxvk-0ff8cd39a' } },
    ],
    [
      'uri',
      uri,
      secured,
      undefined,
      { endpoint: 'gw.example.com/s/sbx-001/8080', headers: { [ACCESS]: 'access' } },
    ],
    [
      'header',
      header,
      { ...secured, port: 18080 },
      undefined,
      {
        endpoint: 'gw.example.com',
        headers: { [ROUTE]: 'sbx-001-18080', [ACCESS]: 'access', 'OPENSANDBOX-EGRESS-AUTH': 'egress' },
      },
    ],
  ])('in %s mode at %j of %j until %s is %j', (...row) => {
    const [, gateway, asked, expires, body] = row;
    expect(formatGatewayEndpoint(gateway, asked, expires)).toEqual(body);
  });

  it('keeps the egress token on a signed route to its port, and only there', () => {
    const { headers } = formatGatewayEndpoint(uri, { ...secured, port: 18080 }, EXPIRES);
    expect(headers).toEqual({ 'OPENSANDBOX-EGRESS-AUTH': 'egress' });
  });

  it.each<[string, GatewaySettings | undefined]>([
    ["Signed routes require ingress.mode = 'gateway'.", undefined],
    ['Signed routes require ingress.secure_access', { ...uri, signing: undefined }],
  ])('refuses to sign: %s', (message, gateway) => {
    expect(() => formatGatewayEndpoint(gateway, target, EXPIRES)).toThrow(message);
  });

  it('refuses an id that is too long for a host name', () => {
    const long = { ...target, sandboxId: 'a'.repeat(50) };
    expect(() => formatGatewayEndpoint(wildcard, long, EXPIRES)).toThrow('holds 63');
  });
});

describe('checkExpiry', () => {
  it.each<[bigint, string]>([
    [-1n, 'expires must be a non-negative Unix timestamp (uint64).'],
    [100n, 'expires (100) must be greater than current time (100).'],
    [2n ** 64n, 'expires exceeds uint64 maximum value.'],
  ])('refuses %s', (expires, message) => {
    expect(() => checkExpiry(expires, 100n)).toThrow(message);
  });

  it('takes what lies ahead', () => {
    checkExpiry(101n, 100n);
    checkExpiry(2n ** 64n - 1n, 100n);
  });
});
