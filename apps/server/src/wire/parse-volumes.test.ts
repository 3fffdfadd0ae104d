import { createSandboxRequest, validate } from '@opensandbox/contract';
import { Secret } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { parseVolumes } from './parse-volumes.ts';

function parse(...volumes: readonly object[]) {
  const body = { image: { uri: 'i' }, entrypoint: ['x'], resourceLimits: {}, volumes };
  return parseVolumes(validate(createSandboxRequest, body, 'body').volumes ?? []);
}

const plain = { name: 'data', mountPath: '/mnt' };

describe('parseVolumes', () => {
  it('keeps every field of a host path, and takes an empty subPath for none', () => {
    expect(parse({ ...plain, readOnly: true, subPath: 'a/b', host: { path: '/data' } })).toEqual([
      { ...plain, readOnly: true, subPath: 'a/b', source: { kind: 'host', path: '/data' } },
    ]);
    expect(parse({ ...plain, subPath: '', host: { path: '/data' } })[0]?.subPath).toBeUndefined();
  });

  it('keeps every field of a named volume', () => {
    const pvc = {
      claimName: 'claim',
      createIfNotExists: false,
      deleteOnSandboxTermination: true,
      storageClass: 'fast',
      storage: '1Gi',
      accessModes: ['ReadWriteOnce'],
    };
    expect(parse({ ...plain, pvc })[0]?.source).toEqual({
      kind: 'claim',
      claimName: 'claim',
      createIfMissing: false,
      deleteWithSandbox: true,
      storageClass: 'fast',
      storage: '1Gi',
      accessModes: ['ReadWriteOnce'],
    });
  });

  it('makes missing volumes and keeps them, unless told otherwise', () => {
    expect(parse({ ...plain, pvc: { claimName: 'claim' } })[0]?.source).toMatchObject({
      createIfMissing: true,
      deleteWithSandbox: false,
    });
  });

  it('hides the key of a bucket', () => {
    const ossfs = {
      bucket: 'bucket',
      endpoint: 'oss.example.com',
      accessKeyId: 'id',
      accessKeySecret: 'key',
    };
    const source = parse({ ...plain, ossfs })[0]?.source;
    expect(source).toMatchObject({ kind: 'ossfs', bucket: 'bucket', version: '2.0', options: [] });
    expect(JSON.stringify(source)).not.toContain('key"');
    expect(source?.kind === 'ossfs' && source.credentials?.accessKeySecret instanceof Secret).toBe(true);
  });
});
