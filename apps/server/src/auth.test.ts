import { Secret } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { createKeyCheck, isPublicPath } from './auth.ts';

describe('isPublicPath', () => {
  it.each([
    '/health',
    '/healthz',
    '/docs/x',
    '/redoc',
    '/openapi.json',
    '/sandboxes/x/proxy/80',
    '/v1/sandboxes/x/proxy/80/',
    '/v1/sandboxes/a b/proxy/0080/any/thing',
  ])('is true of %s', (path) => {
    expect(isPublicPath(path)).toBe(true);
  });

  it.each([
    '/',
    '/v1/health',
    '/sandboxes',
    '/sandboxes/x/proxy',
    '/sandboxes/x/proxy/',
    '/sandboxes/x/proxy/abc',
    '/sandboxes/x/proxy/80x',
    '/sandboxes/x/proxy/80\n',
    '/sandboxes/x/proxy/٨٠',
    '/sandboxes//proxy/80',
    '/sandboxes/x/y/proxy/80',
    '/v2/sandboxes/x/proxy/80',
    '/x/sandboxes/x/proxy/80',
    '/sandboxes/x/proxy/80/../..',
    '/sandboxes/../proxy/80',
  ])('is false of %j', (path) => {
    expect(isPublicPath(path)).toBe(false);
  });
});

describe('createKeyCheck', () => {
  const check = createKeyCheck(new Secret('schlüssel'));

  it('lets exactly the key pass', () => {
    expect(() => check('schlüssel')).not.toThrow();
  });

  it.each([undefined, ''])('misses the key in %j', (header) => {
    expect(() => check(header)).toThrow(expect.objectContaining({ code: 'auth.missing' }) as Error);
  });

  it.each(['Schlüssel', 'schlüssel ', 'schlüsse', 'x'])('refuses %j', (header) => {
    expect(() => check(header)).toThrow(expect.objectContaining({ code: 'auth.invalid' }) as Error);
  });
});
