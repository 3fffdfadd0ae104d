import { describe, expect, it } from 'vitest';
import { dockerConfig } from './config.ts';

describe('dockerConfig', () => {
  it('has a default for every key', () => {
    expect(dockerConfig.parse({})).toEqual({
      networkMode: 'host',
      apiTimeoutMs: 180_000,
      imagePullPolicy: 'if-not-present',
      hostIp: undefined,
      dropCapabilities: [
        'AUDIT_WRITE',
        'MKNOD',
        'NET_ADMIN',
        'NET_RAW',
        'SYS_ADMIN',
        'SYS_MODULE',
        'SYS_PTRACE',
        'SYS_TIME',
        'SYS_TTY_CONFIG',
      ],
      apparmorProfile: undefined,
      seccompProfile: undefined,
      noNewPrivileges: true,
      pidsLimit: 4096,
      isolation: false,
      publishAddress: undefined,
      instance: undefined,
    });
  });

  it.each([
    ['Bridge', 'bridge'],
    ['HOST', 'host'],
    ['Lab-Up', 'Lab-Up'],
  ])('reads network mode %s as %s', (network_mode, networkMode) => {
    expect(dockerConfig.parse({ network_mode }).networkMode).toBe(networkMode);
  });

  it.each([
    [{ network_mode: 'none' }, /no way to reach/],
    [{ network_mode: 'container:abc' }, /cannot publish/],
    [{ network_mode: '' }, /must not be empty/],
    [{ pids_limit: 0 }, />=1/],
    [{ api_timeout: 'soon' }, /expected number/],
    [{ instance: 'not a label' }, /label value/],
  ])('refuses %j', (section, message) => {
    expect(() => dockerConfig.parse(section)).toThrow(message);
  });

  it('takes scalars as loosely as configuration files write them', () => {
    const section = { pids_limit: ' 1_000 ', api_timeout: 20, no_new_privileges: 'Off', seccomp_profile: '' };
    expect(dockerConfig.parse(section)).toMatchObject({
      pidsLimit: 1000,
      apiTimeoutMs: 20_000,
      noNewPrivileges: false,
      seccompProfile: undefined,
    });
  });
});
