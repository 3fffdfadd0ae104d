import { describe, expect, it } from 'vitest';
import { resolveEngineHost } from './engine-host.ts';
import type { EngineHostInput } from './engine-host.ts';

const contained: EngineHostInput = {
  hostIp: undefined,
  isInContainer: () => true,
  sharesHostNetwork: () => false,
  addressOf: async () => undefined,
  gateway: () => '172.18.0.1',
};

describe('resolveEngineHost', () => {
  it.each<[string, Partial<EngineHostInput>, string | undefined]>([
    ['nothing outside of a container', { isInContainer: () => false, hostIp: 'h' }, undefined],
    ['host_ip word for word', { hostIp: 'h', addressOf: async () => '10.0.0.1' }, 'h'],
    ['nothing in the network of the host', { sharesHostNetwork: () => true }, undefined],
    ['what host.docker.internal resolves to', { addressOf: async () => '192.168.65.254' }, '192.168.65.254'],
    ['the gateway without that name', {}, '172.18.0.1'],
    ['nothing without a default route', { gateway: () => undefined }, undefined],
  ])('is %s', async (_, change, expected) => {
    expect((await resolveEngineHost({ ...contained, ...change }))?.address).toBe(expected);
  });

  it('says where it knows the address from', async () => {
    expect(await resolveEngineHost(contained)).toEqual({ address: '172.18.0.1', source: 'gateway' });
    const named = await resolveEngineHost({ ...contained, addressOf: async () => '10.0.0.1' });
    expect(named?.source).toBe('host.docker.internal');
  });
});
