import { describe, expect, it } from 'vitest';
import { readConnection } from '../engine/connection.ts';
import { whyNoHostPaths } from './host-reach.ts';

const HOME = '/nonexistent';

describe('whyNoHostPaths', () => {
  it.each([
    'unix:///var/run/docker.sock',
    'unix:///run/other.sock',
    'tcp://127.0.0.1:2375',
    'tcp://localhost:2375',
  ])('finds nothing against %s', (address) => {
    expect(whyNoHostPaths(readConnection({ HOME, DOCKER_HOST: address }), 'linux')).toBeUndefined();
  });

  it.each(['ssh://me@far.example', 'ssh://localhost', 'tcp://10.0.0.7:2375', 'tcp://far.example:2375'])(
    'says that the engine of %s is elsewhere',
    (address) => {
      const connection = readConnection({ HOME, DOCKER_HOST: address });
      expect(whyNoHostPaths(connection, 'linux')).toContain(connection.name);
    },
  );

  it('asks for Linux', () => {
    expect(whyNoHostPaths(readConnection({ HOME }), 'darwin')).toContain('Linux');
  });
});
