import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatExpiry } from './expiry-text.ts';
import { formatRouteLabel } from './format-route.ts';
import { parseRouteLabel, parseRoutePath, parseRoutePort } from './route-grammar.ts';

const LONG = `v2${'0123456789abcdef'.repeat(2)}k`;
const signed = (expiry: string, signature: string) => ({ expiry, signature });

describe('parseRouteLabel', () => {
  it.each<[string, string, number]>([
    ['ok-29001', 'ok', 29001],
    ['ok-29001.sandboxes.example.com', 'ok', 29001],
    ['a-b-c-29001.x:8443', 'a-b-c', 29001],
    ['https://ok-80.example.com', 'ok', 80],
    ['HTTP://ok-80', 'ok', 80],
    ['a-80-x', 'a-80', NaN],
    ['ok-080', 'ok', 80],
    ['ok-70000', 'ok', 70000],
    ['ok-0', 'ok', 0],
    ['OK-80', 'OK', 80],
    ['a-1-2', 'a-1', 2],
  ])('reads %s without a proof', (text, sandboxId, port) => {
    const route = parseRouteLabel(text);
    if (Number.isNaN(port)) expect(route.ok).toBe(false);
    else expect(route).toEqual({ ok: true, sandboxId, port, proof: undefined });
  });

  it.each<[string, string, number, { expiry: string; signature: string }]>([
    ['sbx-001-8080-x2qxvk-0ff8cd39a', 'sbx-001', 8080, signed('x2qxvk', '0ff8cd39a')],
    ['sbx-8080-0-0ff8cd39z.example.com', 'sbx', 8080, signed('0', '0ff8cd39z')],
    [`sbx-8080-x2qxvk-${LONG}`, 'sbx', 8080, signed('x2qxvk', LONG)],
    // An id whose last parts look like a proof is read as one.
    ['a-80-1-000000001', 'a', 80, signed('1', '000000001')],
  ])('reads %s with its proof', (text, sandboxId, port, proof) => {
    expect(parseRouteLabel(text)).toEqual({ ok: true, sandboxId, port, proof });
  });

  it.each<[string, RegExp]>([
    ['', /no sandbox/],
    ['-80', /no sandbox/],
    ['-a-80', /no sandbox/],
    ['-80-x2qxvk-0ff8cd39a', /no sandbox/],
    ['.example.com', /no sandbox/],
    ['example.com', /expected \{sandbox\}-\{port\}/],
    ['127.0.0.1:8080', /expected/],
    ['[::1]:8080', /expected/],
    ['ok-80:8080', /invalid port format: "80:8080"/],
    ['sbx-8080-x2qxvk-0FF8CD39A', /invalid port format: "0FF8CD39A"/],
    ['sbx-8080-x2qxvk-0ff8cd39', /invalid port format/],
    ['sbx-8080-X2QXVK-0ff8cd39a', /invalid port format/],
    ['ok-+80', /invalid port format/],
    ['ok-', /invalid port format: ""/],
    ['ok-\u00e9\n', /invalid port format: "\?"/],
    [`ok-${'x'.repeat(500)}`, /^.{0,120}$/],
  ])('refuses %j', (text, problem) => {
    const route = parseRouteLabel(text);
    expect(route.ok ? '' : route.problem).toMatch(problem);
  });

  it('reads every label that formatRouteLabel writes with a proof', () => {
    const hex = fc.stringMatching(/^[0-9a-f]{8}[0-9a-z]$/);
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,38}$/),
        fc.integer({ min: 1, max: 65535 }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        hex,
        (sandboxId, port, expires, signature) => {
          const proof = { expiry: formatExpiry(expires), signature };
          expect(parseRouteLabel(formatRouteLabel({ sandboxId, port }, proof))).toEqual({
            ok: true,
            sandboxId,
            port,
            proof,
          });
        },
      ),
    );
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => typeof parseRouteLabel(text).ok === 'boolean'),
    );
  });
});

describe('parseRoutePath', () => {
  it.each<[string, string, number, string]>([
    ['/ok/29001', 'ok', 29001, '/'],
    ['/ok/29001/', 'ok', 29001, '/'],
    ['/ok/29001/a%2Fb//c/%2e%2e/', 'ok', 29001, '/a%2Fb//c/%2e%2e/'],
    ['/ok/29001//x', 'ok', 29001, '//x'],
    ['/ok/29001/../y', 'ok', 29001, '/../y'],
    ['/o%6B/29001/x', 'ok', 29001, '/x'],
    ['/ok/80/x2qxvk/0FF8CD39A', 'ok', 80, '/x2qxvk/0FF8CD39A'],
    ['/ok/80/x2qxvk', 'ok', 80, '/x2qxvk'],
  ])('of %s is a route without a proof', (path, sandboxId, port, rest) => {
    expect(parseRoutePath(path)).toEqual({
      ok: true,
      sandboxId,
      port,
      proof: undefined,
      rest,
      restWithProof: rest,
    });
  });

  it.each<[string, string, string]>([
    ['/ok/29001/tot6vg/00000000a/echo', '/echo', '/tot6vg/00000000a/echo'],
    ['/ok/29001/tot6vg/00000000a', '/', '/tot6vg/00000000a'],
    ['/ok/29001/tot6vg/00000000a/', '/', '/tot6vg/00000000a/'],
    ['/ok/29001/tot6vg/00000000a//b', '//b', '/tot6vg/00000000a//b'],
  ])('of %s is a route with a proof', (path, rest, restWithProof) => {
    expect(parseRoutePath(path)).toEqual({
      ok: true,
      sandboxId: 'ok',
      port: 29001,
      proof: { expiry: 'tot6vg', signature: '00000000a' },
      rest,
      restWithProof,
    });
  });

  it('reads the long form', () => {
    expect(parseRoutePath(`/ok/80/x2qxvk/${LONG}/a`)).toMatchObject({
      proof: { signature: LONG },
      rest: '/a',
    });
  });

  it.each([
    '',
    '/',
    '*',
    'ok/80',
    '//ok/80',
    '/ok',
    '/ok/',
    '/ok/080',
    '/ok/0',
    '/ok/65536',
    '/ok/x/y',
    '/%zz/80',
  ])('refuses %j', (path) => {
    expect(parseRoutePath(path).ok).toBe(false);
  });
});

describe('parseRoutePort', () => {
  it.each(['0', '00', '080', '65536', '123456', '+80', ' 80', '80 ', '8e1', ''])('refuses %j', (text) => {
    expect(parseRoutePort(text)).toBeUndefined();
  });
});
