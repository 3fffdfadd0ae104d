import type { PortAddress } from '@opensandbox/core';
import { describe, expect, it } from 'vitest';
import { checkHost, checkPolicy, proxyPolicy } from './proxy-policy.ts';

const onHost: PortAddress = { reach: { kind: 'host', host: '127.0.0.1' }, port: 1, pathPrefix: '' };
const mapped: PortAddress = {
  reach: { kind: 'mapped', host: 'h', ports: {}, privateHost: undefined },
  port: 1,
  pathPrefix: '',
};
const plain = { requireApiKey: false, deniedPorts: [], serverPort: 8080, dockerHost: undefined };
const denied = expect.objectContaining({ code: 'proxy.denied', kind: 'forbidden' }) as Error;

describe('checkPolicy', () => {
  it.each([
    [8080, ''],
    [2375, ''],
    [2376, ''],
    [4243, ''],
    [44772, 'proxy/8080/v1/sandboxes'],
    [44772, '/proxy//08080'],
    [44772, 'proxy/44772/proxy/4243/containers/json'],
    [44772, '%70roxy%2F8080'],
    [44772, 'proxy\\8080/'],
    [44772, '\\proxy/8080'],
  ])('keeps visitors of the host network from %i/%s', (port, rest) => {
    const policy = proxyPolicy({ ...plain, dockerHost: 'tcp://[::1]:4243' });
    expect(() => checkPolicy(policy, onHost, { port, rest })).toThrow(denied);
    expect(() => checkPolicy(policy, mapped, { port, rest })).not.toThrow();
  });

  it('lets visitors of the host network to everything else', () => {
    const policy = proxyPolicy({ ...plain, dockerHost: 'unix:///var/run/docker.sock' });
    for (const [port, rest] of [
      [3000, 'proxy/8080'],
      [44772, 'command'],
      [44772, 'files/proxy'],
      [44772, 'proxy/3000/'],
    ] as const) {
      expect(() => checkPolicy(policy, onHost, { port, rest })).not.toThrow();
    }
  });

  it('refuses configured ports everywhere', () => {
    const policy = proxyPolicy({ ...plain, deniedPorts: [22] });
    expect(() => checkPolicy(policy, mapped, { port: 22, rest: '' })).toThrow(denied);
    expect(() => checkPolicy(policy, mapped, { port: 44772, rest: 'proxy/22/' })).toThrow(denied);
    expect(() => checkPolicy(policy, mapped, { port: 8080, rest: '' })).not.toThrow();
  });
});

describe('checkHost', () => {
  it.each([
    '169.254.169.254',
    '::ffff:169.254.1.1',
    'fe80::1',
    'FE80::1',
    'fd00:ec2::254',
    '100.100.100.200',
  ])('refuses %s', (host) => {
    expect(() => checkHost(host)).toThrow(denied);
  });

  it.each(['127.0.0.1', '172.17.0.2', 'engine.example', '::1', 'fd00::2'])('takes %s', (host) => {
    expect(() => checkHost(host)).not.toThrow();
  });
});
