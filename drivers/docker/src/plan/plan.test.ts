import type { SandboxSpec } from '@opensandbox/core/ports';
import { sampleRecord, sampleSpec } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { NewContainer } from '../engine/engine.ts';
import { formatLabels } from '../labels.ts';
import { planContainer } from './plan.ts';
import type { PlanSettings } from './plan-step.ts';

const SETTINGS: PlanSettings = {
  networkMode: 'bridge',
  publishAddress: '127.0.0.1',
  instance: undefined,
  pidsLimit: 4096,
  dropCapabilities: ['SYS_ADMIN'],
  isolation: false,
  securityOptions: ['no-new-privileges:true'],
};

const NO_LIMITS = { cpuMillis: undefined, memoryBytes: undefined, gpus: undefined };

function plan(spec: Partial<SandboxSpec> = {}, settings: Partial<PlanSettings> = {}): NewContainer {
  const record = sampleRecord({ spec: sampleSpec(spec) });
  return planContainer({
    record,
    settings: { ...SETTINGS, ...settings },
    agentVolume: 'agent-v1',
    mounts: { binds: [], labels: {} },
    shell: 'image',
  });
}

describe('planContainer', () => {
  it('makes the whole container of an ordinary request', () => {
    const record = sampleRecord();
    const planned = planContainer({
      record,
      settings: SETTINGS,
      agentVolume: 'agent-v1',
      mounts: { binds: [], labels: {} },
      shell: 'image',
    });
    expect(planned).toEqual({
      name: `sandbox-${record.id}`,
      platform: undefined,
      draft: {
        Image: 'sample:latest',
        Labels: formatLabels(record, undefined),
        Entrypoint: ['/opt/opensandbox/bootstrap.sh'],
        Cmd: ['sleep', '3600'],
        Env: [],
        ExposedPorts: { '44772/tcp': {}, '8080/tcp': {} },
        HostConfig: {
          PidsLimit: 4096,
          NetworkMode: 'bridge',
          PortBindings: {
            '44772/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }],
            '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }],
          },
          Binds: ['agent-v1:/opt/opensandbox:ro,nocopy'],
          SecurityOpt: ['no-new-privileges:true'],
          CapDrop: ['SYS_ADMIN'],
        },
      },
    });
  });

  it("starts with the agent's shell where the image has none", () => {
    const record = sampleRecord();
    const { draft } = planContainer({
      record,
      settings: SETTINGS,
      agentVolume: 'agent-v1',
      mounts: { binds: [], labels: {} },
      shell: 'agent',
    });
    expect(draft).toMatchObject({
      Entrypoint: [
        '/opt/opensandbox/lib/ld.so',
        '--library-path',
        '/opt/opensandbox/lib',
        '/opt/opensandbox/lib/sh',
        '/opt/opensandbox/bootstrap.sh',
      ],
      Cmd: ['sleep', '3600'],
    });
  });

  it('publishes nothing in host mode, but still exposes', () => {
    const { draft } = plan({}, { networkMode: 'host' });
    expect(draft.HostConfig).toMatchObject({ NetworkMode: 'host' });
    expect(draft.HostConfig).not.toHaveProperty('PortBindings');
    expect(draft.ExposedPorts).toEqual({ '44772/tcp': {}, '8080/tcp': {} });
  });

  it('leaves empty hardening lists out', () => {
    const { draft } = plan({}, { dropCapabilities: [], securityOptions: [] });
    expect(draft.HostConfig).not.toHaveProperty('CapDrop');
    expect(draft.HostConfig).not.toHaveProperty('SecurityOpt');
  });

  it('takes back of the hardening what isolated sessions need, and no more', () => {
    const dropCapabilities = ['NET_RAW', 'SYS_ADMIN', 'CAP_SYS_ADMIN'];
    const { draft } = plan({}, { dropCapabilities, isolation: true });
    expect(draft.HostConfig).toMatchObject({
      CapAdd: ['SYS_ADMIN'],
      CapDrop: ['NET_RAW'],
      SecurityOpt: ['no-new-privileges:true', 'apparmor=unconfined'],
    });
    const named = plan({}, { isolation: true, securityOptions: ['apparmor=own'] });
    expect(named.draft.HostConfig.SecurityOpt).toEqual(['apparmor=own']);
  });

  it('keeps the order and the empty values of the environment', () => {
    const env = [
      ['B', '2'],
      ['A', ''],
    ] as const;
    expect(plan({ env }).draft.Env).toEqual(['B=2', 'A=']);
  });

  it.each([
    [{ cpuMillis: 500, memoryBytes: undefined, gpus: undefined }, { NanoCpus: 500_000_000 }],
    [{ cpuMillis: 0.0015, memoryBytes: undefined, gpus: undefined }, { NanoCpus: 1_500 }],
    [{ cpuMillis: undefined, memoryBytes: 512 << 20, gpus: undefined }, { Memory: 536_870_912 }],
    [
      { cpuMillis: undefined, memoryBytes: undefined, gpus: 2 },
      { DeviceRequests: [{ Count: 2, Capabilities: [['gpu']] }] },
    ],
    [
      { cpuMillis: undefined, memoryBytes: undefined, gpus: 'all' },
      { DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] },
    ],
    [{ ...NO_LIMITS, storageBytes: 1 << 30 }, { StorageOpt: { size: '1073741824' } }],
    [{ ...NO_LIMITS, cpuRequestMillis: 250 }, { CpuShares: 256 }],
    [{ ...NO_LIMITS, cpuRequestMillis: 1 }, { CpuShares: 2 }],
    [{ ...NO_LIMITS, cpuRequestMillis: 1e9 }, { CpuShares: 262_144 }],
    [{ ...NO_LIMITS, memoryRequestBytes: 32 << 20 }, { MemoryReservation: 33_554_432 }],
  ] as const)('limits %j as %j', (resources, limits) => {
    expect(plan({ resources }).draft.HostConfig).toMatchObject(limits);
  });

  it.each(['runsc', 'kata-runtime'])('runs with %s when that is configured, hardened as ever', (runtime) => {
    const securityOptions = ['no-new-privileges:true', 'apparmor=own', 'seccomp={}'];
    expect(plan({}, { runtime, securityOptions }).draft.HostConfig).toMatchObject({
      Runtime: runtime,
      SecurityOpt: securityOptions,
      CapDrop: ['SYS_ADMIN'],
    });
    expect(plan().draft.HostConfig).not.toHaveProperty('Runtime');
  });

  it('names the platform only when one was asked for', () => {
    expect(plan({ platform: { os: 'linux', arch: 'arm64' } }).platform).toBe('linux/arm64');
  });
});
