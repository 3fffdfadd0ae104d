import { describe, expect, it } from 'vitest';
import { formatRoute } from './format-route.ts';

const claim = { sandboxId: 'sbx-001', port: 8080 };
const proof = { expiry: 'x2qxvk', signature: '0ff8cd39a' };

describe('formatRoute', () => {
  it.each([
    ['wildcard', '*.example.com', undefined, 'sbx-001-8080.example.com', {}],
    ['wildcard', '*.example.com', proof, 'sbx-001-8080-x2qxvk-0ff8cd39a.example.com', {}],
    ['uri', 'gw.example.com/sandboxes', undefined, 'gw.example.com/sandboxes/sbx-001/8080', {}],
    ['uri', 'gw.example.com/', proof, 'gw.example.com/sbx-001/8080/x2qxvk/0ff8cd39a', {}],
    ['header', 'gw:80', undefined, 'gw:80', { 'OpenSandbox-Ingress-To': 'sbx-001-8080' }],
    ['header', 'gw', proof, 'gw', { 'OpenSandbox-Ingress-To': 'sbx-001-8080-x2qxvk-0ff8cd39a' }],
  ] as const)('in %s mode at %s with proof %j gives %s', (...row) => {
    const [mode, address, given, endpoint, headers] = row;
    expect(formatRoute({ mode, address }, claim, given)).toEqual({ endpoint, headers });
  });

  it('fits an id of 36 characters with the highest port into a host name', () => {
    const long = { sandboxId: 'a'.repeat(36), port: 65535 };
    expect(formatRoute({ mode: 'wildcard', address: '*.d.e' }, long, proof).endpoint).toContain('-65535-');
  });

  it.each([
    [{ sandboxId: 'a'.repeat(41), port: 65535 }, 'holds 63'],
    [{ sandboxId: 'Capital', port: 80 }, 'cannot stand in a host name'],
    [{ sandboxId: 'under_score', port: 80 }, 'cannot stand in a host name'],
  ])('refuses a host name for %j', (long, message) => {
    expect(() => formatRoute({ mode: 'wildcard', address: '*.d.e' }, long, proof)).toThrow(message);
    expect(formatRoute({ mode: 'uri', address: 'd.e' }, long, proof).endpoint).toContain('/x2qxvk/');
  });
});
