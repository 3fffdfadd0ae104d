import { describe, expect, it } from 'vitest';
import { parseOwnGroups, readControlGroup } from './control-group.ts';

const group = (files: Readonly<Record<string, string>>) => readControlGroup((path) => files[path]);

describe('parseOwnGroups', () => {
  it('knows the group of each controller, and the unified one without a name', () => {
    const text = '9:name=systemd:/\n4:cpu,cpuacct:/docker/a\n2:memory:/docker/b:c\n0::/docker/d\n';
    expect(Object.fromEntries(parseOwnGroups(text))).toEqual({
      'name=systemd': '/',
      cpu: '/docker/a',
      cpuacct: '/docker/a',
      memory: '/docker/b:c',
      '': '/docker/d',
    });
  });
});

describe('readControlGroup', () => {
  it('reads a container of version 2, whose own group is the root', () => {
    const files = {
      '/proc/self/cgroup': '0::/\n',
      '/sys/fs/cgroup/memory.max': '500\n',
      '/sys/fs/cgroup/memory.current': '300\n',
      '/sys/fs/cgroup/memory.stat': 'inactive_file 1\n',
      '/sys/fs/cgroup/cpu.max': '150000 100000\n',
    };
    expect(group(files)).toEqual({
      memoryLimit: '500\n',
      memoryUsage: '300\n',
      memoryStat: 'inactive_file 1\n',
      cpuMax: '150000 100000\n',
    });
  });

  it('reads a container of version 1, which sees its group as the root under another path', () => {
    const files = {
      '/proc/self/cgroup': '4:memory:/docker/x\n1:cpu,cpuacct:/docker/x\n0::/docker/x\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '500\n',
      '/sys/fs/cgroup/memory/memory.usage_in_bytes': '300\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '150000\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    };
    expect(group(files)).toMatchObject({
      memoryLimit: '500\n',
      memoryUsage: '300\n',
      cpuMax: '150000 100000',
    });
  });

  it('takes the tightest limit of the groups above, with the usage of the group that has it', () => {
    const files = {
      '/proc/self/cgroup': '0::/pod/container\n',
      '/sys/fs/cgroup/pod/container/memory.max': 'max\n',
      '/sys/fs/cgroup/pod/container/memory.current': '1\n',
      '/sys/fs/cgroup/pod/container/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/pod/memory.max': '500\n',
      '/sys/fs/cgroup/pod/memory.current': '2\n',
      '/sys/fs/cgroup/pod/cpu.max': '200000 100000\n',
    };
    expect(group(files)).toMatchObject({
      memoryLimit: '500\n',
      memoryUsage: '2\n',
      cpuMax: '200000 100000\n',
    });
  });

  it('finds nothing where there is nothing', () => {
    expect(group({})).toEqual({
      memoryLimit: undefined,
      memoryUsage: undefined,
      memoryStat: undefined,
      cpuMax: undefined,
    });
  });
});
