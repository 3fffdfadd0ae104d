import { describe, expect, it } from 'vitest';
import { addressOf, parseJson, retryAfterMs } from './send.ts';

describe('addressOf', () => {
  it.each([
    ['https://a:6443', '/api/v1/pods', {}, 'https://a:6443/api/v1/pods'],
    ['https://a/k8s/clusters/c-1/', '/api', {}, 'https://a/k8s/clusters/c-1/api'],
    [
      'https://[fd00::1]:6443',
      '/api',
      { limit: 5, watch: true },
      'https://[fd00::1]:6443/api?limit=5&watch=true',
    ],
    [
      'https://a',
      '/api',
      { continue: 'a+b/c=&d', limit: undefined },
      'https://a/api?continue=a%2Bb%2Fc%3D%26d',
    ],
  ])('joins %s and %s', (server, path, query, url) => {
    expect(addressOf(new URL(server), { path, query }).href).toBe(url);
  });
});

describe('retryAfterMs', () => {
  it.each([
    ['2', 2000],
    ['0', 0],
    ['-1', undefined],
    ['Wed, 21 Oct 2030 07:28:00 GMT', undefined],
    [undefined, undefined],
  ])('reads %s as %s', (text, ms) => {
    expect(retryAfterMs({ headers: text === undefined ? {} : { 'retry-after': text } })).toBe(ms);
  });
});

describe('parseJson', () => {
  it('takes plain text for nothing', () => {
    expect(parseJson('404 page not found')).toBeUndefined();
    expect(parseJson('{"a":1}')).toEqual({ a: 1 });
  });
});
