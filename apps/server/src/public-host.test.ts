import { describe, expect, it } from 'vitest';
import { isLoopback, publishAddress, resolvePublicHost } from './public-host.ts';
import type { PublicHostInput } from './public-host.ts';

function resolve(input: Partial<PublicHostInput>): Promise<string> {
  return resolvePublicHost({
    eip: undefined,
    listenHost: '0.0.0.0',
    farHost: undefined,
    engineHost: undefined,
    outboundAddress: async () => undefined,
    ownNameAddress: async () => undefined,
    ...input,
  });
}

describe('resolvePublicHost', () => {
  it.each<[string, Partial<PublicHostInput>, string]>([
    ['the eip word for word', { eip: '1.2.3.4:80', listenHost: '10.0.0.1' }, '1.2.3.4:80'],
    ['a concrete listen address', { listenHost: '10.0.0.1', engineHost: 'h' }, '10.0.0.1'],
    ['a loopback listen address', { listenHost: '127.0.0.1' }, '127.0.0.1'],
    ['an IPv6 address in brackets', { listenHost: '::1' }, '[::1]'],
    ['the host of a far engine', { farHost: 'far.example', listenHost: '127.0.0.1' }, 'far.example'],
    [
      "the engine's host inside a container",
      { engineHost: 'host.docker.internal', outboundAddress: async () => '172.18.0.2' },
      'host.docker.internal',
    ],
    ['the outbound address outside of one', { outboundAddress: async () => '192.168.1.7' }, '192.168.1.7'],
    ['the address of its own name without a route', { ownNameAddress: async () => '10.1.1.1' }, '10.1.1.1'],
    ['loopback when nothing is known', { listenHost: '::' }, '127.0.0.1'],
  ])('tells %s', async (_, input, expected) => {
    expect(await resolve(input)).toBe(expected);
  });

  it('asks no probe when the configuration says enough', async () => {
    const ask = (): never => {
      throw new Error('asked');
    };
    await expect(
      resolve({ listenHost: '10.0.0.1', outboundAddress: ask, ownNameAddress: ask }),
    ).resolves.toBe('10.0.0.1');
  });
});

describe('publishAddress', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.9.9.9', '127.0.0.1'],
    ['localhost', '127.0.0.1'],
    ['::1', '127.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '0.0.0.0'],
    ['10.0.0.1', '0.0.0.0'],
    ['127.example.com', '0.0.0.0'],
  ])('of a server on %s is %s', (host, expected) => {
    expect(publishAddress(host, undefined)).toBe(expected);
  });

  it('is what the operator said', () => {
    expect(publishAddress('127.0.0.1', '10.0.0.5')).toBe('10.0.0.5');
  });
});

it('isLoopback knows bracketed addresses', () => {
  expect(isLoopback('[::1]')).toBe(true);
});
