import type { PortAddress } from '@opensandbox/core';
import { describe, expect, it } from 'vitest';
import { normaliseTarget } from '../request-path.ts';
import { isProxiedPath, proxyRest, proxyRoute, upstreamPath, withoutRest } from './proxy-path.ts';

const mapped = (pathPrefix: string): PortAddress => ({
  reach: { kind: 'mapped', host: 'h', ports: {}, privateHost: undefined },
  port: 1,
  pathPrefix,
});

const NO_ROUTES = [
  '/sandboxes/x',
  '/sandboxes/x/proxy/a',
  '/sandboxes/x/proxy/80\n',
  '/x',
  '/route/x',
  '/route/x/a',
  '/route//80',
  '/v2/route/x/80',
  '/sandboxes/x/route/x/80',
];

describe('proxyRest', () => {
  it.each([
    ['/v1/sandboxes/x/proxy/80', '', ''],
    ['/sandboxes/x/proxy/80/', '', ''],
    ['/sandboxes/x/proxy/80?a=b', '', '?a=b'],
    ['/sandboxes/x/proxy/80/a%2Fb//c?q=%zz&', 'a%2Fb//c', '?q=%zz&'],
    ['/sandboxes/x%20y/proxy/80/%3F', '%3F', ''],
    ['http://host/sandboxes/x/proxy/80/a?b', 'a', '?b'],
    ['/sandboxes/x/proxy/80/a#frag?x', 'a', ''],
    // The route shows only after decoding: the decoded form is what is left.
    ['/sandboxes/x%2Fproxy%2F80/a%20b?c', 'a%20b', '?c'],
    ['/%73andboxes/x/proxy/80/a', 'a', ''],
    ['/sandboxes/x/proxy/80%2Fa/b', 'a/b', ''],
  ])('of %s is %j and %j', (target, rest, query) => {
    expect(proxyRest(target, normaliseTarget(target))).toEqual({ rest, query });
    const short = target.replace(/\/sandboxes\/([^/]+)\/proxy\//, '/route/$1/');
    expect(proxyRest(short, normaliseTarget(short))).toEqual({ rest, query });
  });

  it.each(['..', '.', 'a/../b', '%2e%2e', '%2E./x', 'a%2f..%2Fb', 'a/.', 'a/..?q', '..\\x', 'a%5C..%5cb'])(
    'leads nowhere else: %s',
    (rest) => {
      for (const target of [`/sandboxes/x/proxy/80/${rest}`, `/v1/route/x/80/${rest}`]) {
        expect(() => proxyRest(target, normaliseTarget(target))).toThrow(/must not contain "\."/);
      }
    },
  );

  it.each(['80/%0d%0aX:1', '80/%00', '80%0A', '80/%7F', '80%0A/x'])(
    'has no control characters: %s',
    (end) => {
      const target = `/sandboxes/x/proxy/${end}`;
      expect(() => proxyRest(target, normaliseTarget(target))).toThrow(/control characters/);
    },
  );

  it('leaves the query alone', () => {
    const target = '/sandboxes/x/proxy/80/?../%0a';
    expect(proxyRest(target, normaliseTarget(target))).toEqual({ rest: '', query: '?../%0a' });
  });
});

describe('proxyRoute', () => {
  it('knows proxy paths and nothing else', () => {
    for (const path of ['/v1/sandboxes/x/proxy/029001/a', '/route/x/029001', '/v1/route/x/029001/a/b']) {
      expect(proxyRoute(path)).toEqual({ id: 'x', port: '029001' });
    }
    for (const path of NO_ROUTES) expect(proxyRoute(path)).toBeUndefined();
  });
});

describe('upstreamPath', () => {
  it.each([
    ['', '', '/'],
    ['', 'a/b', '/a/b'],
    ['/proxy/3000', '', '/proxy/3000/'],
    ['/proxy/3000', '//x//y/', '/proxy/3000/x//y/'],
    ['/proxy/44772', 'ping', '/ping'],
    ['', 'a..b/...', '/a..b/...'],
  ])('behind %j of %j is %s', (prefix, rest, path) => {
    expect(upstreamPath(mapped(prefix), { rest, query: '?q' })).toBe(`${path}?q`);
  });
});

describe('isProxiedPath', () => {
  it('doubts two dots anywhere', () => {
    expect(isProxiedPath('/route/x/80/a')).toBe(true);
    for (const path of ['/route/x/80/a..b', '/sandboxes/x/proxy/80/..', ...NO_ROUTES]) {
      expect(isProxiedPath(path)).toBe(false);
    }
  });
});

describe('withoutRest', () => {
  it.each([
    ['/v1/sandboxes/x/proxy/80/a/b', '/v1/sandboxes/x/proxy/80/…'],
    ['/route/x/80/secret', '/route/x/80/…'],
    ['/v1/route/x/80/', '/v1/route/x/80/'],
    ['/v1/sandboxes/x', '/v1/sandboxes/x'],
  ])('of %s is %s', (path, shown) => {
    expect(withoutRest(path)).toBe(shown);
  });
});
