import { describe, expect, it } from 'vitest';
import { busyPercent, parseCpuTicks, parseHostMemory, sandboxMemory, usableCpus } from './read-metrics.ts';

const NONE = {
  memoryLimit: undefined,
  memoryUsage: undefined,
  memoryStat: undefined,
  cpuMax: undefined,
};
const HOST = { totalBytes: 1000, usedBytes: 600 };

describe('processor time', () => {
  it('counts all but idle and waiting, guests once', () => {
    const stat = 'cpu  10 1 5 100 20 1 1 2 7 7\ncpu0 1 1 1 1\n';
    expect(parseCpuTicks(stat)).toEqual({ busy: 20, total: 140 });
  });

  it('is a share between 0 and 100', () => {
    expect(busyPercent({ busy: 0, total: 0 }, { busy: 25, total: 100 })).toBe(25);
    expect(busyPercent({ busy: 5, total: 5 }, { busy: 5, total: 5 })).toBe(0);
  });
});

describe('memory', () => {
  it('of the host is used where it is neither free nor a cache', () => {
    const text =
      'MemTotal: 100 kB\nMemFree: 40 kB\nBuffers: 5 kB\nCached: 10 kB\nSwapCached: 9 kB\nSReclaimable: 5 kB\n';
    expect(parseHostMemory(text)).toEqual({ totalBytes: 102_400, usedBytes: 40_960 });
  });

  it.each([
    ['no group', NONE, HOST],
    ['no limit', { ...NONE, memoryLimit: 'max\n', memoryUsage: '5' }, HOST],
    ['a limit above the host', { ...NONE, memoryLimit: '9223372036854771712', memoryUsage: '5' }, HOST],
    [
      'a limit',
      { ...NONE, memoryLimit: '500\n', memoryUsage: '300\n', memoryStat: 'anon 1\ninactive_file 100\n' },
      { totalBytes: 500, usedBytes: 200 },
    ],
    [
      'a limit of version 1',
      { ...NONE, memoryLimit: '500', memoryUsage: '700', memoryStat: 'total_inactive_file 100\n' },
      { totalBytes: 500, usedBytes: 500 },
    ],
    ['an unknown usage', { ...NONE, memoryLimit: '500' }, { totalBytes: 500, usedBytes: 500 }],
  ])('of a sandbox with %s', (_name, group, memory) => {
    expect(sandboxMemory(HOST, group)).toEqual(memory);
  });
});

describe('usableCpus', () => {
  it.each([
    [NONE, 4],
    [{ ...NONE, cpuMax: 'max 100000\n' }, 4],
    [{ ...NONE, cpuMax: '250000 100000\n' }, 2],
    [{ ...NONE, cpuMax: '50000 100000\n' }, 1],
    [{ ...NONE, cpuMax: '900000 100000' }, 4],
    [{ ...NONE, cpuMax: '-1 100000' }, 4],
    [{ ...NONE, cpuMax: '300000 100000' }, 3],
  ])('of %j is %i', (group, cpus) => {
    expect(usableCpus(4, group)).toBe(cpus);
  });
});
