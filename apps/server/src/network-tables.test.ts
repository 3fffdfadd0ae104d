import { describe, expect, it } from 'vitest';
import { hasEngineBridge, isInNetwork, readDefaultRoute } from './network-tables.ts';

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
const LOCAL = 'eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0';

describe('readDefaultRoute', () => {
  it.each([
    [`${HEAD}\neth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n${LOCAL}\n`, '172.17.0.1'],
    [`${HEAD}\n${LOCAL}\neth1\t00000000\tFE01A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`, '192.168.1.254'],
    [`${HEAD}\n${LOCAL}\n`, undefined],
    [`${HEAD}\nppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n`, undefined],
    ['', undefined],
  ])('of %j is %s', (table, gateway) => {
    expect(readDefaultRoute(table)?.gateway).toBe(gateway);
  });
});

it.each([
  ['  eth0: 1 2\n    lo: 0 0\n', false],
  ['  eth0: 1 2\ndocker0: 0 0\n', true],
  [' podman0: 0 0\n', true],
])('hasEngineBridge of %j is %s', (table, expected) => {
  expect(hasEngineBridge(table)).toBe(expected);
});

it.each([
  ['172.17.0.9', '172.17.0.2/16', true],
  ['172.18.0.9', '172.17.0.2/16', false],
  ['10.0.0.130', '10.0.0.2/25', false],
  ['255.255.255.255', '192.0.0.1/0', true],
  ['fd00::1', '172.17.0.2/16', false],
  ['172.17.0.9', 'fd00::1/64', false],
])('isInNetwork of %s and %s is %s', (address, cidr, expected) => {
  expect(isInNetwork(address, cidr)).toBe(expected);
});

it('readDefaultRoute tells the link', () => {
  const route = `${HEAD}\n${LOCAL}\neth1\t00000000\tFE01A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`;
  expect(readDefaultRoute(route)?.link).toBe('eth1');
});
