import type { SandboxSpec } from '@opensandbox/core/ports';
import { sampleRecord, sampleSpec } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { PlanSettings } from '../plan/plan-step.ts';
import recorded from '../fixtures/docker-20.10-windows.json' with { type: 'json' };
import { planContainer } from '../plan/plan.ts';

const SETTINGS: PlanSettings = {
  networkMode: 'bridge',
  publishAddress: '127.0.0.1',
  instance: undefined,
  pidsLimit: 4096,
  dropCapabilities: ['NET_ADMIN', 'CAP_NET_RAW', 'SYS_ADMIN'],
  isolation: true,
  securityOptions: ['no-new-privileges:true'],
};
const WINDOWS = { os: 'windows', arch: 'amd64' } as const;

function plan(spec: Partial<SandboxSpec> = {}, settings: Partial<PlanSettings> = {}) {
  const record = sampleRecord({ spec: sampleSpec({ platform: WINDOWS, ...spec }) });
  const planned = planContainer({
    record,
    settings: { ...SETTINGS, ...settings },
    agentVolume: undefined,
    mounts: { binds: ['data:/data:rw'], labels: {} },
    shell: undefined,
  });
  return { record, ...planned };
}

describe('the plan of a Windows sandbox', () => {
  it('is what an engine was seen to take', () => {
    const { draft } = planContainer({
      record: sampleRecord({
        spec: sampleSpec({
          platform: WINDOWS,
          entrypoint: ['keep this line'],
          env: [['VERSION', '11']],
          resources: { cpuMillis: 4000, memoryBytes: 8 << 30, gpus: undefined },
          resourceLimits: { cpu: '4', memory: '8G', disk: '64G' },
        }),
      }),
      settings: { ...SETTINGS, dropCapabilities: recorded.HostConfig.CapDrop },
      agentVolume: undefined,
      mounts: { binds: [], labels: {} },
      shell: undefined,
    });
    const { Cmd, Env, ExposedPorts, HostConfig } = draft;
    expect({ Cmd, Env, ExposedPorts }).toEqual({
      Cmd: recorded.Config.Cmd,
      Env: recorded.Config.Env,
      ExposedPorts: recorded.Config.ExposedPorts,
    });
    const { Binds, ...host } = HostConfig;
    expect(recorded.HostConfig).toMatchObject(host);
    expect(Binds?.map((bind) => bind.replace(/oem-[^:]+/, 'oem-<id>'))).toEqual(recorded.HostConfig.Binds);
  });

  it('leaves the entrypoint and the platform to the image', () => {
    const { draft, platform } = plan({ entrypoint: ['run one', 'two'] });
    expect(platform).toBeUndefined();
    expect(draft).not.toHaveProperty('Entrypoint');
    expect(draft.Cmd).toEqual(['run one', 'two']);
    expect(draft.Labels).toMatchObject({
      'opensandbox.io/platform-os': 'windows',
      'opensandbox.io/platform-arch': 'amd64',
    });
  });

  it('gives the machine its devices and the rights to make a network, and mounts what Windows is set up with', () => {
    const { draft, record } = plan();
    const device = (path: string) => ({ PathOnHost: path, PathInContainer: path, CgroupPermissions: 'rwm' });
    expect(draft.HostConfig).toMatchObject({
      Devices: [device('/dev/kvm'), device('/dev/net/tun')],
      CapAdd: ['NET_ADMIN', 'NET_RAW'],
      CapDrop: ['SYS_ADMIN'],
      SecurityOpt: ['no-new-privileges:true'],
      PidsLimit: 4096,
      Binds: ['data:/data:rw', `opensandbox-win-oem-${record.id}:/oem:rw`],
    });
    expect(plan({}, { dropCapabilities: ['NET_RAW'] }).draft.HostConfig).not.toHaveProperty('CapDrop');
  });

  it('tells the guest its size, and does not limit what runs around it', () => {
    const { draft } = plan({
      env: [
        ['RAM_SIZE', '1G'],
        ['VERSION', '11'],
        ['USER_PORTS', '9000, 8080'],
      ],
      resources: { cpuMillis: 2500, memoryBytes: 8e9, gpus: undefined, storageBytes: 64e9 },
      resourceLimits: { cpu: '2500m', memory: '8G', disk: '64G' },
    });
    expect(draft.Env).toEqual([
      'VERSION=11',
      'CPU_CORES=3',
      'RAM_SIZE=8G',
      'DISK_SIZE=64G',
      'USER_PORTS=9000,8080,44772,3389,8006',
    ]);
    for (const limit of ['Memory', 'NanoCpus', 'DeviceRequests', 'StorageOpt']) {
      expect(draft.HostConfig).not.toHaveProperty(limit);
    }
  });

  it('publishes the screen beside the usual ports', () => {
    const ports = ['44772/tcp', '8080/tcp', '3389/tcp', '3389/udp', '8006/tcp'];
    const { draft } = plan();
    expect(draft.Env).toEqual(['USER_PORTS=44772,8080,3389,8006']);
    expect(Object.keys(draft.ExposedPorts ?? {})).toEqual(ports);
    expect(Object.keys(draft.HostConfig.PortBindings ?? {})).toEqual(ports);
  });

  it('publishes nothing, and says nothing of ports, in host mode', () => {
    const { draft } = plan({ env: [['USER_PORTS', '9000']] }, { networkMode: 'host' });
    expect(draft.Env).toEqual(['USER_PORTS=9000']);
    expect(draft.HostConfig).not.toHaveProperty('PortBindings');
  });
});
