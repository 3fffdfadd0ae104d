import { describe, expect, it } from 'vitest';
import { readConnection } from './connection.ts';

describe('readConnection', () => {
  it.each([
    ['', { socketPath: '/var/run/docker.sock', dialHost: '127.0.0.1' }],
    ['unix:///tmp/d.sock', { protocol: 'http', socketPath: '/tmp/d.sock', dialHost: '127.0.0.1' }],
    ['npipe:////./pipe/own', { socketPath: '//./pipe/own' }],
    ['tcp://10.0.0.5:2375', { protocol: 'http', host: '10.0.0.5', port: 2375, dialHost: '10.0.0.5' }],
    ['10.0.0.5:2375', { protocol: 'http', host: '10.0.0.5', port: 2375 }],
    ['tcp://engine.example:2376', { protocol: 'https', host: 'engine.example', port: 2376 }],
    ['tcp://[::1]:2375', { host: '::1', port: 2375 }],
    [
      'ssh://me@far.example',
      { protocol: 'ssh', username: 'me', host: 'far.example', port: 22, dialHost: 'far.example' },
    ],
  ])('reads DOCKER_HOST=%s', (text, expected) => {
    expect(readConnection({ DOCKER_HOST: text })).toMatchObject(expected);
  });

  it('speaks TLS when verification is asked for', () => {
    const env = { DOCKER_HOST: 'tcp://engine.example', DOCKER_TLS_VERIFY: '1' };
    expect(readConnection(env)).toMatchObject({ protocol: 'https', port: 2376, tls: undefined });
  });

  it.each(['ftp://x', 'tcp://', 'unknown://host'])('refuses %s', (text) => {
    expect(() => readConnection({ DOCKER_HOST: text })).toThrow(/DOCKER_HOST/);
  });
});
