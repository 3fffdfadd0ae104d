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

  it('refuses an id that is longer than any', () => {
    const header = (id: string) => ({ url: '/', rawHeaders: ['OpenSandbox-Ingress-To', `${id}-80`] });
    const path = (id: string) => ({ url: `/${id}/80/`, rawHeaders: [] });
    expect(readTarget('header', header('x'.repeat(256))).route.port).toBe(80);
    expect(readTarget('uri', path('x'.repeat(256))).route.port).toBe(80);
    expect(() => readTarget('header', header('x'.repeat(257)))).toThrow('the sandbox id is too long');
    expect(() => readTarget('uri', path('x'.repeat(257)))).toThrow('the sandbox id is too long');
  });

  it('keeps the query of a path that names a sandbox', () => {
    const url = '/box/80/x2qxvk/0ff8cd39a/a%2Fb?c=%2F';
    expect(readTarget('uri', { url, rawHeaders: [] })).toMatchObject({
      path: '/a%2Fb?c=%2F',
      pathWithProof: '/x2qxvk/0ff8cd39a/a%2Fb?c=%2F',
    });
  });
});
