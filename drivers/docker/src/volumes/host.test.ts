import { describe, expect, it } from 'vitest';
import type { VolumeOf } from './backend.ts';
import { createHostVolumes } from './host.ts';

const { signal } = new AbortController();
const unused = (): Promise<never> => Promise.reject(new Error('not asked for'));

function hostVolume(path: string): VolumeOf<'host'> {
  return { name: 'v', mountPath: '/v', readOnly: false, subPath: undefined, source: { kind: 'host', path } };
}

describe('createHostVolumes', () => {
  it.each([[['']], [['.', 'etc']], [[]]])('allows nothing with the prefixes %j', async (prefixes) => {
    const volumes = createHostVolumes({
      prefixes,
      obstacle: undefined,
      pins: { source: unused, release: unused },
    });
    await expect(volumes.admit(hostVolume('/etc'), signal)).rejects.toMatchObject({
      code: 'volume.host_path_not_allowed',
    });
  });
});
