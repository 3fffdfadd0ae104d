import { describe, expect, it } from 'vitest';
import { parseResources } from './parse-resources.ts';

const GIB = 2 ** 30;

describe('parseResources', () => {
  it.each(['disk', 'storage', 'ephemeral-storage'])('takes %s for the storage of a sandbox', (name) => {
    expect(parseResources({ [name]: '10Gi' }, {}).storageBytes).toBe(10 * GIB);
    expect(parseResources({ [name]: '0' }, {})).not.toHaveProperty('storageBytes');
  });

  it('takes storage that is named twice only when both mean the same', () => {
    expect(parseResources({ disk: '1Gi', storage: '1024Mi' }, {}).storageBytes).toBe(GIB);
    expect(() => parseResources({ disk: '1Gi', storage: '2Gi' }, {})).toThrow(
      "Invalid resourceLimits: disk, storage all mean the sandbox's storage, but differ. Give one of them.",
    );
  });

  it('reads what is kept for a sandbox, with or without a limit', () => {
    expect(parseResources({ cpu: '2', memory: '1Gi' }, { cpu: '500m', memory: '1Gi' })).toEqual({
      cpuMillis: 2000,
      memoryBytes: GIB,
      gpus: undefined,
      cpuRequestMillis: 500,
      memoryRequestBytes: GIB,
    });
    expect(parseResources({}, { cpu: '8' }).cpuRequestMillis).toBe(8000);
  });

  it.each([
    [
      { cpu: '1' },
      { cpu: '1001m' },
      "resourceRequests.cpu '1001m': it must not be above resourceLimits.cpu '1'.",
    ],
    [
      { memory: '1G' },
      { memory: '1Gi' },
      "resourceRequests.memory '1Gi': it must not be above resourceLimits.memory '1G'.",
    ],
    [{}, { cpu: 'x' }, "resourceRequests.cpu 'x': it must be a number of CPUs such as 500m, 0.5 or 2."],
    [
      { disk: 'x' },
      {},
      "resourceLimits.disk 'x': it must be an amount of storage such as 500Mi, 1.5Gi or 10G.",
    ],
  ])('refuses %j with %j', (limits, requests, why) => {
    expect(() => parseResources(limits, requests)).toThrow(`Invalid ${why}`);
  });
});
