import type { SandboxSpec } from '@opensandbox/core/ports';
import { sampleSpec } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { admitWindows } from './admit-windows.ts';
import type { WindowsHost } from './admit-windows.ts';
import { findMissingDevices } from './missing-devices.ts';

const { signal } = new AbortController();

function admit(spec: Partial<SandboxSpec> = {}, host: Partial<WindowsHost> = {}): Promise<void> {
  const able: WindowsHost = {
    hasAgentImage: true,
    secureRuntime: undefined,
    arch: 'amd64',
    missingDevices: () => Promise.resolve([]),
  };
  const windows = sampleSpec({ platform: { os: 'windows', arch: 'amd64' }, ...spec });
  return admitWindows(windows, { ...able, ...host }, signal);
}

describe('admitWindows', () => {
  it('admits what a host can run', async () => {
    await expect(admit()).resolves.toBeUndefined();
    await expect(admit({}, { secureRuntime: { kind: 'kata', name: undefined } })).resolves.toBeUndefined();
  });

  it.each<[string, Partial<SandboxSpec>, Partial<WindowsHost>, string]>([
    ['a server without an agent for it', {}, { hasAgentImage: false }, 'Set runtime.execd_image to an image'],
    ['gVisor', {}, { secureRuntime: { kind: 'gvisor', name: 'runsc' } }, "secure_runtime.type 'gvisor'"],
    ['another processor', { platform: { os: 'windows', arch: 'arm64' } }, {}, "the engine's own, 'amd64'"],
    ['a small machine', { resourceLimits: { memory: '1G' } }, {}, 'resourceLimits.memory >= 4G'],
    ['a graphics card', { resourceLimits: { gpu: '1' } }, {}, 'resourceLimits.gpu is not supported'],
    ['requests', { resourceRequests: { cpu: '1' } }, {}, 'resourceRequests.cpu is not supported'],
    [
      'a host without devices',
      {},
      { missingDevices: () => Promise.resolve(['/dev/kvm', '/dev/net/tun']) },
      'Windows profile requires /dev/kvm and /dev/net/tun on the host of the Docker Engine.',
    ],
  ])('refuses %s', async (_, spec, host, why) => {
    await expect(admit(spec, host)).rejects.toMatchObject({
      kind: 'invalid',
      code: 'parameter.invalid',
      message: expect.stringContaining(why) as unknown,
    });
  });
});

describe('findMissingDevices', () => {
  const onlyTun = (path: string): boolean => path === '/dev/net/tun';
  const find = (isSameMachine: boolean, OperatingSystem: string) =>
    findMissingDevices(
      { facts: { get: () => Promise.resolve({ OperatingSystem }) }, isSameMachine, exists: onlyTun },
      signal,
    );

  it('looks where the engine is', async () => {
    expect(await find(true, 'Debian GNU/Linux 12')).toEqual(['/dev/kvm']);
  });

  it.each([
    [false, 'Debian GNU/Linux 12'],
    [true, 'Docker Desktop'],
  ])('does not guess when the engine is elsewhere (same machine: %s, %s)', async (isSame, system) => {
    expect(await find(isSame, system)).toEqual([]);
  });
});
