import type { Volume } from '@opensandbox/contract';
import { isFault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { checkVolumes } from './check-volumes.ts';

const unset = { host: undefined, pvc: undefined, ossfs: undefined, subPath: undefined };

function volume(change: Partial<Volume>): Volume {
  return { name: 'data', mountPath: '/mnt', readOnly: false, ...unset, ...change };
}

const claim = {
  claimName: 'claim',
  createIfNotExists: true,
  deleteOnSandboxTermination: false,
  storageClass: undefined,
  storage: undefined,
  accessModes: undefined,
};
const ossfs = {
  bucket: 'bucket',
  endpoint: 'oss.example.com',
  version: '2.0' as const,
  options: undefined,
  accessKeyId: 'id',
  accessKeySecret: 'secret',
};

function refusal(volumes: readonly Volume[], allowed: readonly string[]): [string, string] | undefined {
  try {
    checkVolumes(volumes, allowed);
    return undefined;
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error;
    return [error.code, error.message];
  }
}

describe('checkVolumes', () => {
  it.each([
    ['/data', ['/data']],
    ['/data/a', ['/data/']],
    ['/data/..x', ['/data']],
    ['/', ['/']],
    ['/anything', ['/']],
    ['C:\\data\\a', ['c:/data']],
    ['c:/', ['C:\\']],
  ])('takes the host path %s below %j', (path, allowed) => {
    expect(refusal([volume({ host: { path } })], allowed)).toBeUndefined();
  });

  it.each([
    ['/data-evil', ['/data'], 'volume.host_path_not_allowed'],
    ['/data', [], 'volume.host_path_not_allowed'],
    ['/etc', [''], 'volume.host_path_not_allowed'],
    ['/data', ['data'], 'volume.host_path_not_allowed'],
    ['D:/data', ['C:/data'], 'volume.host_path_not_allowed'],
    ['/data/../etc', ['/data'], 'volume.host_path'],
    ['/data/..', ['/data'], 'volume.host_path'],
    ['C:\\data\\..\\x', ['C:/data'], 'volume.host_path'],
    ['/data//a', ['/data'], 'volume.host_path'],
    ['/data/a/', ['/data'], 'volume.host_path'],
  ])('refuses the host path %s below %j', (path, allowed, code) => {
    expect(refusal([volume({ host: { path } })], allowed)?.[0]).toBe(code);
  });

  it('names the path and the prefixes', () => {
    expect(refusal([volume({ host: { path: '/etc' } })], ['/data', '/srv'])).toEqual([
      'volume.host_path_not_allowed',
      "Host path '/etc' is not under any allowed prefix. Allowed prefixes: ['/data', '/srv']",
    ]);
  });

  it.each([
    ['/abs', "SubPath '/abs' must be a relative path, not absolute."],
    ['C:\\abs', "SubPath 'C:\\abs' must be a relative path, not absolute."],
    ['a/../b', "SubPath 'a/../b' contains path traversal '..' which is not allowed."],
    ['a\\..\\b', "SubPath 'a\\..\\b' contains path traversal '..' which is not allowed."],
  ])('refuses the subPath %s', (subPath, message) => {
    expect(refusal([volume({ pvc: claim, subPath })], [])).toEqual(['volume.sub_path', message]);
  });

  it('takes a subPath whose names only look like the way up, and an empty one', () => {
    expect(refusal([volume({ pvc: claim, subPath: 'a/..b/...' })], [])).toBeUndefined();
    expect(refusal([volume({ pvc: claim, subPath: '' })], [])).toBeUndefined();
  });

  it('refuses a name that is used twice, before anything else of the second volume', () => {
    const volumes = [volume({ pvc: claim }), volume({ pvc: claim, subPath: '/abs' })];
    expect(refusal(volumes, [])).toEqual([
      'volume.duplicate_name',
      "Duplicate volume name 'data'. Each volume must have a unique name.",
    ]);
  });

  it.each([
    [{ bucket: '   ' }, 'volume.ossfs_bucket'],
    [{ endpoint: ' ' }, 'volume.ossfs_endpoint'],
    [{ options: ['allow_other', ' '] }, 'volume.ossfs_option'],
    [{ options: ['-o'] }, 'volume.ossfs_option'],
  ])('refuses OSSFS with %j', (change, code) => {
    expect(refusal([volume({ ossfs: { ...ossfs, ...change } })], [])?.[0]).toBe(code);
  });
});
