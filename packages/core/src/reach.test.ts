import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { addressOf, checkPort } from './reach.ts';
import type { Reach } from './sandbox.ts';

const mapped = (ports: Readonly<Record<number, number>>): Reach => ({
  kind: 'mapped',
  host: '127.0.0.1',
  ports,
  privateHost: undefined,
});

describe('addressOf', () => {
  it.each<[Reach, number, number, string]>([
    [mapped({ 44772: 40_000, 8080: 40_001 }), 8080, 40_001, ''],
    [mapped({ 44772: 40_000, 8080: 40_001 }), 44772, 40_000, '/proxy/44772'],
    [mapped({ 44772: 40_000, 8080: 40_001 }), 18080, 40_000, '/proxy/18080'],
    [mapped({ 44772: 40_000, 3000: 40_002 }), 3000, 40_000, '/proxy/3000'],
    [mapped({ 44772: 40_000, 8006: 40_002 }), 8006, 40_002, ''],
    [mapped({ 44772: 40_000, 8006: 40_002 }), 3389, 40_000, '/proxy/3389'],
    [{ kind: 'host', host: 'h' }, 3000, 3000, ''],
    [{ kind: 'direct', host: '10.0.0.7' }, 44772, 44772, ''],
  ])('of %j for port %i is port %i with prefix %j', (reach, port, dialled, pathPrefix) => {
    expect(addressOf(reach, port)).toEqual({ reach, port: dialled, pathPrefix });
  });

  it.each<[Reach, number, string]>([
    [mapped({ 44772: 1 }), 8080, 'Missing host port mapping for container port 8080.'],
    [mapped({ 8080: 1 }), 3000, 'Missing host port mapping for execd proxy port 44772.'],
    [{ kind: 'none' }, 8080, 'Missing host port mapping for container port 8080.'],
    [{ kind: 'none' }, 44772, 'Missing host port mapping for execd proxy port 44772.'],
  ])('of %j for port %i is missing', (reach, port, message) => {
    expect(() => addressOf(reach, port)).toThrow(new Fault('internal', 'endpoint.unavailable', message));
  });
});

describe('checkPort', () => {
  it.each([1, 44772, 65_535])('accepts %d', (port) => {
    expect(() => checkPort(port)).not.toThrow();
  });
  it.each([0, -1, 65_536, 1.5, NaN])('refuses %d', (port) => {
    expect(() => checkPort(port)).toThrow('Port must be between 1 and 65535.');
  });
});
