import type { Resources, SandboxSpec } from '@opensandbox/core/ports';
import { sampleSpec } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { admitResources } from './admit-resources.ts';
import type { EngineInfo } from './engine/answers.ts';

const { signal } = new AbortController();
const NONE: Resources = { cpuMillis: undefined, memoryBytes: undefined, gpus: undefined };
const overlay = (files: string): EngineInfo => ({
  Driver: 'overlay2',
  DriverStatus: [['Backing Filesystem', files]],
});

function admit(spec: Partial<SandboxSpec>, info: EngineInfo | undefined): Promise<void> {
  return admitResources(sampleSpec(spec), { get: () => Promise.resolve(info) }, signal);
}

function storage(info: EngineInfo | undefined, key = 'disk'): Promise<void> {
  return admit({ resources: { ...NONE, storageBytes: 1 }, resourceLimits: { [key]: '1' } }, info);
}

describe('admitResources', () => {
  it.each([
    [{ resourceLimits: { 'nvidia.com/gpu': '1' } }, 'resourceLimits.nvidia.com/gpu is not supported'],
    [{ resourceRequests: { disk: '1G' } }, 'resourceRequests.disk is not supported by the Docker runtime'],
    [{ resourceRequests: { gpu: '1' } }, 'Supported: cpu, memory.'],
    [{ resources: { ...NONE, memoryBytes: (6 << 20) - 1 } }, 'resourceLimits.memory is 6291455 bytes'],
    [{ resources: { ...NONE, memoryRequestBytes: 1 } }, 'resourceRequests.memory is 1 bytes'],
    [{ resources: { ...NONE, cpuMillis: 9 } }, 'resourceLimits.cpu is 9m'],
    [
      { resources: { ...NONE, cpuMillis: 2001 } },
      'resourceLimits.cpu is 2.001; the host of the Docker Engine has 2',
    ],
    [{ resources: { ...NONE, cpuRequestMillis: 3000 } }, 'resourceRequests.cpu is 3; the host'],
  ])('refuses %j', async (spec, why) => {
    await expect(admit(spec, { NCPU: 2 })).rejects.toMatchObject({
      kind: 'invalid',
      code: 'parameter.invalid',
      message: expect.stringContaining(why) as unknown,
    });
  });

  it('admits what an engine takes, and what it cannot say of itself now', async () => {
    const resources = { ...NONE, cpuMillis: 2000, memoryBytes: 6 << 20, cpuRequestMillis: 2 };
    await expect(admit({ resources }, { NCPU: 2 })).resolves.toBeUndefined();
    await expect(admit({ resources: { ...NONE, cpuMillis: 9000 } }, undefined)).resolves.toBeUndefined();
    await expect(storage(undefined)).resolves.toBeUndefined();
  });

  it('asks the engine nothing for a request without limits', async () => {
    const get = () => Promise.reject(new Error('asked'));
    await expect(admitResources(sampleSpec(), { get }, signal)).resolves.toBeUndefined();
  });

  it.each([overlay('xfs'), { Driver: 'btrfs' }, { Driver: 'zfs' }, { Driver: 'vfs' }, {}])(
    'lets the engine decide on storage with %j',
    async (info) => {
      await expect(storage(info)).resolves.toBeUndefined();
    },
  );

  it.each([
    [overlay('extfs'), 'its storage driver overlay2 has no quotas on the file system extfs'],
    [{ Driver: 'aufs' }, 'its storage driver aufs has no quotas'],
    [
      { Driver: 'overlayfs', DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']] } as const,
      'its image store (overlayfs) has no quotas',
    ],
  ])('refuses storage with %j', async (info, why) => {
    await expect(storage(info, 'ephemeral-storage')).rejects.toThrow(
      `resourceLimits.ephemeral-storage cannot be enforced by this Docker Engine: ${why}.`,
    );
  });

  it('leaves the size of a Windows guest to the guest', async () => {
    const platform = { os: 'windows', arch: 'amd64' } as const;
    const resources = { ...NONE, cpuMillis: 9000, storageBytes: 1 };
    await expect(admit({ platform, resources }, { ...overlay('extfs'), NCPU: 2 })).resolves.toBeUndefined();
  });
});
