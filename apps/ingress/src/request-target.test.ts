import { describe, expect, it } from 'vitest';
import { readTarget } from './request-target.ts';

describe('readTarget', () => {
  it.each([
    ['/a?b#c', '/a?b'],
    ['/a#b?c', '/a'],
    ['http://box-80.x', '/'],
    ['http://box-80.x?q', '/?q'],
    ['HTTPS://box-80.x/a//b', '/a//b'],
    ['/http://other/', '/http://other/'],
  ])('of %s passes %s on', (url, path) => {
    expect(readTarget('header', { url, rawHeaders: ['Host', 'box-80.y'] })).toMatchObject({
      route: { sandboxId: 'box', port: 80 },
      path,
    });
  });

  it('takes the authority of an absolute target before the host name', () => {
    const { route } = readTarget('header', { url: 'http://one-80.x/', rawHeaders: ['Host', 'two-80.x'] });
    expect(route.sandboxId).toBe('one');
  });

  it.each(['*', 'a'])('refuses the target %j', (url) => {
    const request = { url, rawHeaders: ['Host', 'box-80.x'] };
    expect(() => readTarget('header', request)).toThrow('the request target has to be a path');
  });

  it('keeps the query of a path that names a sandbox', () => {
    const url = '/box/80/x2qxvk/0ff8cd39a/a%2Fb?c=%2F';
    expect(readTarget('uri', { url, rawHeaders: [] })).toMatchObject({
      path: '/a%2Fb?c=%2F',
      pathWithProof: '/x2qxvk/0ff8cd39a/a%2Fb?c=%2F',
    });
  });
});
