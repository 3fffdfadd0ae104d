import type { PortAddress } from '@opensandbox/core';
import { describe, expect, it } from 'vitest';
import { normaliseTarget } from '../request-path.ts';
import { proxyRest, proxyRoute, upstreamPath } from './proxy-path.ts';

const mapped = (pathPrefix: string): PortAddress => ({
  reach: { kind: 'mapped', host: 'h', ports: {}, privateHost: undefined },
  port: 1,
  pathPrefix,
});

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
  });
});

describe('proxyRoute', () => {
  it('knows proxy paths and nothing else', () => {
    expect(proxyRoute('/v1/sandboxes/x/proxy/029001/a')).toEqual({ id: 'x', port: '029001' });
    for (const path of ['/sandboxes/x', '/sandboxes/x/proxy/a', '/sandboxes/x/proxy/80\n', '/x']) {
      expect(proxyRoute(path)).toBeUndefined();
    }
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

  it.each(['..', '.', 'a/../b', '%2e%2e', '%2E./x', 'a%2f..%2Fb', 'a/.'])('refuses %s', (rest) => {
    expect(() => upstreamPath(mapped('/proxy/3000'), { rest, query: '' })).toThrow(/must not contain/);
  });
});
