import { describe, expect, it } from 'vitest';
import { parseProxiedPath, routePath, targetOf, withoutOwnProxy } from './request-path.ts';

describe('targetOf', () => {
  it.each([
    ['http://h:1/a%2Fb//c?x=%20', { path: '/a%2Fb//c', query: '?x=%20' }],
    ['http://h', { path: '/', query: '' }],
    ['/x?y', { path: '/x', query: '?y' }],
    ['http://h/?', { path: '/', query: '?' }],
  ])('reads %s', (url, target) => {
    expect(targetOf(url)).toEqual(target);
  });
});

describe('routePath', () => {
  it.each([
    ['/a%20b', '/a b'],
    ['/a%2Fb', '/a%2Fb'],
    ['/a%zz', '/a%zz'],
    ['/a', '/a'],
  ])('compares %s as %s', (path, compared) => {
    expect(routePath(path)).toBe(compared);
  });
});

describe('a proxied path', () => {
  it.each([
    ['/proxy/', { port: '', rest: '/' }],
    ['/proxy', { port: '', rest: '/' }],
    ['/proxy/80', { port: '80', rest: '/' }],
    ['/proxy/80/a/b', { port: '80', rest: '/a/b' }],
    ['/proxyx/80', undefined],
    ['/x/proxy/80', undefined],
  ])('%s is split', (path, proxied) => {
    expect(parseProxiedPath(path)).toEqual(proxied);
  });

  it.each([
    ['/proxy/44772/ping', '/ping'],
    ['/proxy/44772/proxy/44772/ping', '/ping'],
    ['/proxy/44772/proxy/80/x', '/proxy/80/x'],
    ['/proxy/44772', '/'],
    ['/ping', '/ping'],
  ])('%s of the own port is %s', (path, own) => {
    expect(withoutOwnProxy(path, 44772)).toBe(own);
  });
});
