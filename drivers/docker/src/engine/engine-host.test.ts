import { describe, expect, it } from 'vitest';
import { chooseDialHost, choosePublishing } from './engine-host.ts';

describe('chooseDialHost', () => {
  const LOCAL = { engineHost: '127.0.0.1', isSocket: true, isContained: false, hostIp: undefined };
  it.each([
    ['a socket of this machine', {}, '127.0.0.1'],
    ['such a socket, whatever host_ip says', { hostIp: '10.0.0.1' }, '127.0.0.1'],
    ['a socket seen from a container', { isContained: true, hostIp: '10.0.0.1' }, '10.0.0.1'],
    ['another host', { isSocket: false, engineHost: '10.0.0.5' }, '10.0.0.5'],
    [
      'another host with a better address',
      { isSocket: false, engineHost: 'far', hostIp: '10.1.0.5' },
      '10.1.0.5',
    ],
    ['a tunnel to another host', { isSocket: false, hostIp: '10.1.0.5' }, '10.1.0.5'],
  ])('dials %s at the right address', (_what, change, expected) => {
    expect(chooseDialHost({ ...LOCAL, ...change })).toBe(expected);
  });
});

describe('choosePublishing', () => {
  it.each([
    ['127.0.0.1', undefined, '127.0.0.1', '127.0.0.1', false],
    ['127.0.0.1', '127.0.0.1', '0.0.0.0', '127.0.0.1', false],
    ['10.0.0.5', undefined, '0.0.0.0', '0.0.0.0', false],
    ['10.0.0.5', undefined, '127.0.0.1', '0.0.0.0', true],
    ['10.0.0.5', '10.0.0.5', '127.0.0.1', '10.0.0.5', false],
    ['10.0.0.5', '127.0.0.1', '127.0.0.1', '127.0.0.1', true],
  ])(
    'for an engine dialled at %s, with publish_address %s and usually %s, publishes on %s',
    (...[dialHost, configured, usual, address, warns]) => {
      const publishing = choosePublishing({ dialHost, configured, usual });
      expect([publishing.address, publishing.warning !== undefined]).toEqual([address, warns]);
    },
  );
});
