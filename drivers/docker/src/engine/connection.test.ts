import { describe, expect, it } from 'vitest';
import { readConnection } from './connection.ts';
import { sshArguments } from './ssh-connection.ts';

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
      { protocol: 'ssh', username: 'me', host: 'far.example', port: undefined, dialHost: 'far.example' },
    ],
  ])('reads DOCKER_HOST=%s', (text, expected) => {
    expect(readConnection({ DOCKER_HOST: text })).toMatchObject(expected);
  });

  it('speaks TLS when verification is asked for', () => {
    const env = { DOCKER_HOST: 'tcp://engine.example', DOCKER_TLS_VERIFY: '1' };
    expect(readConnection(env)).toMatchObject({ protocol: 'https', port: 2376, tls: { verify: true } });
  });

  it('speaks TLS to whoever answers when only encryption is asked for', () => {
    const env = { DOCKER_HOST: 'tcp://engine.example', DOCKER_TLS: '1' };
    expect(readConnection(env)).toMatchObject({ protocol: 'https', tls: { verify: false } });
  });

  it('leaves the port and the user of an ssh address to the ssh configuration', () => {
    expect(sshArguments(readConnection({ DOCKER_HOST: 'ssh://Far-Engine' })).slice(5)).toEqual([
      '--',
      'Far-Engine',
      ...['docker', 'system', 'dial-stdio'],
    ]);
  });

  it('asks for the far socket that an ssh address names', () => {
    const connection = readConnection({ DOCKER_HOST: "ssh://me@far:2222/run/it's.sock" });
    expect(sshArguments(connection).slice(5)).toEqual([
      ...['-l', 'me', '-p', '2222', '--', 'far'],
      ...['docker', '--host', "'unix:///run/it'\\''s.sock'", 'system', 'dial-stdio'],
    ]);
  });

  it('takes an API version from the environment, and refuses what is none', () => {
    expect(readConnection({ DOCKER_API_VERSION: '1.40' }).apiVersion).toBe('1.40');
    expect(() => readConnection({ DOCKER_API_VERSION: 'newest' })).toThrow(/DOCKER_API_VERSION/);
  });

  it.each(['ftp://x', 'tcp://', 'unknown://host'])('refuses %s', (text) => {
    expect(() => readConnection({ DOCKER_HOST: text })).toThrow(/DOCKER_HOST/);
  });
});
