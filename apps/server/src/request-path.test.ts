import { describe, expect, it } from 'vitest';
import { decodedPath, normaliseTarget, rawQuery } from './request-path.ts';

describe('normaliseTarget', () => {
  it.each([
    ['/v1/sandboxes?a=%2F', '/v1/sandboxes?a=%2F'],
    ['/sandboxes/a%2Fb?x', '/sandboxes/a/b?x'],
    ['/sandboxes/%61bc', '/sandboxes/abc'],
    ['/sandboxes/%zz', '/sandboxes/%25zz'],
    ['/sandboxes/%e4%bd%a0', '/sandboxes/%E4%BD%A0'],
    ['/sandboxes/%ff', '/sandboxes/%EF%BF%BD'],
    ['/a%3Fb', '/a%3Fb'],
    ['/a#b', '/a%23b'],
    ['/a b', '/a%20b'],
    ['http://host:80/v1/sandboxes?x=1', '/v1/sandboxes?x=1'],
    ['http://host', '/'],
    ['*', '/*'],
    ['', '/'],
  ])('turns %s into %s', (target, normalised) => {
    expect(normaliseTarget(target)).toBe(normalised);
  });

  it('decodes once: what comes out means the same when it is decoded again', () => {
    for (const target of ['/a%252Fb', '/%25zz', '/x%2F%2e%2e/y', '/%E4%BD%A0']) {
      const once = normaliseTarget(target);
      expect(decodedPath(once)).toBe(decodedPath(target));
      expect(normaliseTarget(once)).toBe(once);
    }
  });
});

describe('rawQuery', () => {
  it.each([
    ['/a', ''],
    ['/a?', ''],
    ['/a?b=%20?c', 'b=%20?c'],
  ])('of %s is %j', (target, query) => {
    expect(rawQuery(target)).toBe(query);
  });
});
