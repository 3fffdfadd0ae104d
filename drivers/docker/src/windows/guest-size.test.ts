import { describe, expect, it } from 'vitest';
import { parseGuestSize } from './guest-size.ts';

function parse(resourceLimits: Readonly<Record<string, string>>, cpuMillis?: number) {
  return parseGuestSize({
    resourceLimits,
    resources: { cpuMillis, memoryBytes: undefined, gpus: undefined },
  });
}

describe('parseGuestSize', () => {
  it('leaves to the image what nobody asked for', () => {
    expect(parse({})).toEqual({ cores: undefined, ramGigs: undefined, diskGigs: undefined });
  });

  it.each([
    ['8G', 8],
    ['8gi', 8],
    [' 8GB ', 8],
    ['4096Mi', 4],
    ['4097m', 5],
    ['1T', 1024],
    ['4Ti', 4096],
  ])('reads %s of memory as %s gigabytes', (memory, gigs) => {
    expect(parse({ memory }).ramGigs).toBe(gigs);
  });

  it.each(['disk', 'storage', 'ephemeral-storage'])('takes %s for the disk', (key) => {
    expect(parse({ [key]: '64G' }).diskGigs).toBe(64);
  });

  it('rounds a part of a core up', () => {
    expect(parse({ cpu: '2500m' }, 2500).cores).toBe(3);
  });

  it.each([
    [{ cpu: '1' }, 1000, 'Windows profile requires resourceLimits.cpu >= 2 (received: 1).'],
    [{ cpu: '0' }, undefined, 'Windows profile requires resourceLimits.cpu >= 2 (received: 0).'],
    [{ memory: '3G' }, undefined, 'Windows profile requires resourceLimits.memory >= 4G (received: 3G).'],
    [
      { memory: '3072Mi' },
      undefined,
      'Windows profile requires resourceLimits.memory >= 4G (received: 3072Mi).',
    ],
    [{ memory: '8.5G' }, undefined, 'Windows profile requires resourceLimits.memory >= 4G (received: 8.5G).'],
    [
      { memory: '8GiB' },
      undefined,
      'Windows profile requires resourceLimits.memory >= 4G (received: 8GiB). Give a whole number with the unit M, G or T.',
    ],
    [{ memory: '8' }, undefined, 'Windows profile requires resourceLimits.memory >= 4G (received: 8).'],
    [
      { storage: '32G' },
      undefined,
      'Windows profile requires resourceLimits.storage >= 64G (received: 32G).',
    ],
  ])('refuses %j', (limits, cpuMillis, message) => {
    expect(() => parse(limits, cpuMillis)).toThrow(message);
  });
});
