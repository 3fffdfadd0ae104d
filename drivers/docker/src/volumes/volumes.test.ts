import { silentLogger } from '@opensandbox/base';
import type { Volume } from '@opensandbox/core/ports';
import { describe, expect, it } from 'vitest';
import { createVolumes, mergeLabels } from './volumes.ts';

const { signal } = new AbortController();
const none = (): Promise<never> => Promise.reject(new Error('not asked for'));
const willing = { admit: () => Promise.resolve(), prepare: none };
const volumes = createVolumes(
  { host: willing, claim: { ...willing, remove: none }, ossfs: willing },
  silentLogger,
);

function mountedAt(...paths: readonly string[]): readonly Volume[] {
  const plain = { readOnly: false, subPath: undefined, source: { kind: 'host', path: '/data' } } as const;
  return paths.map((mountPath, index) => ({ ...plain, name: `v${index}`, mountPath }));
}

describe('admit', () => {
  it.each([[['/a', '/b']], [['/a', '/a/b']], [['/opt', '/opt/opensandbox-data']], [['/..a']]])(
    'takes the mount paths %j',
    async (paths) => {
      await expect(volumes.admit(mountedAt(...paths), signal)).resolves.toBeUndefined();
    },
  );

  it.each([
    [['/']],
    [['/.']],
    [['/a', '//a/']],
    [['/a/b', '/a/./b']],
    [['/a/../b']],
    [['/opt/opensandbox']],
    [['/opt/./opensandbox/lib/.']],
    [['/a:b']],
  ])('refuses the mount paths %j', async (paths) => {
    await expect(volumes.admit(mountedAt(...paths), signal)).rejects.toMatchObject({
      code: 'volume.mount_path',
    });
  });
});

describe('mergeLabels', () => {
  it('joins the lists that several volumes write under one name', () => {
    const first = mergeLabels({}, { list: '["a"]', one: 'x' });
    expect(mergeLabels(first, { list: '["b"]' })).toEqual({ list: '["a","b"]', one: 'x' });
  });

  it('lets the later text stand where there is no list', () => {
    expect(mergeLabels({ one: 'x' }, { one: '["y"]' })).toEqual({ one: '["y"]' });
  });
});
