import { Fault, Secret } from '@opensandbox/base';
import { issuesOf } from '@opensandbox/contract';
import { describe, expect, it } from 'vitest';
import { faultToResponse } from '../wire-codes.ts';
import type { CreatePolicy } from './create-policy.ts';
import { parseCreate } from './parse-create.ts';

const POLICY: CreatePolicy = {
  networkMode: 'bridge',
  egressImage: undefined,
  allowedHostPaths: ['/srv/ok', 'C:/data'],
};
const B = { image: { uri: 'busybox' }, entrypoint: ['sleep', '999'], resourceLimits: {} };

function refusal(body: unknown, policy: Partial<CreatePolicy> = {}): Fault {
  try {
    parseCreate(body, { ...POLICY, ...policy });
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('the request was accepted');
}

function answer(body: unknown, policy: Partial<CreatePolicy> = {}) {
  const { status, body: error } = faultToResponse(refusal(body, policy), 'docker');
  return [status, error.code, error.message];
}

const invalid = (message: string) => [400, 'SANDBOX::INVALID_PARAMETER', message];

describe('parseCreate', () => {
  it('turns a full request into domain terms', () => {
    const { request, metadata } = parseCreate(
      {
        image: { uri: 'busybox', auth: { username: 'u', password: 'p' } },
        entrypoint: ['sleep 1'],
        timeout: '3600',
        resourceLimits: { cpu: '500m', memory: '1.5Gi', gpu: 'all', other: 'x' },
        resourceRequests: { cpu: '250m' },
        env: { A: null, B: '', C: 'x' },
        metadata: { team: 'a' },
        platform: { os: ' LINUX ', arch: 'Amd64' },
        extensions: { 'access.renew.extend.seconds': ' 1800 ', other: 'x' },
        volumes: [],
      },
      POLICY,
    );
    expect(request).toEqual({
      spec: {
        source: { kind: 'image', uri: 'busybox', auth: { username: 'u', password: new Secret('p') } },
        entrypoint: ['sleep 1'],
        env: [
          ['B', ''],
          ['C', 'x'],
        ],
        platform: { os: 'linux', arch: 'amd64' },
        resources: { cpuMillis: 500, memoryBytes: 1.5 * 2 ** 30, gpus: 'all', cpuRequestMillis: 250 },
        volumes: [],
        resourceLimits: { cpu: '500m', memory: '1.5Gi', gpu: 'all', other: 'x' },
        resourceRequests: { cpu: '250m' },
        extensions: { 'access.renew.extend.seconds': ' 1800 ', other: 'x' },
        accessRenewSeconds: 1800,
      },
      metadata: { team: 'a' },
      timeoutSeconds: 3600,
    });
    expect(metadata).toEqual({ team: 'a' });
    expect(JSON.stringify(request)).not.toContain('"p"');
  });

  it('keeps an empty metadata apart from none', () => {
    expect(parseCreate({ ...B, metadata: {} }, POLICY).metadata).toEqual({});
    expect(parseCreate({ ...B, metadata: null }, POLICY).metadata).toBeUndefined();
    expect(parseCreate(B, POLICY).request.metadata).toEqual({});
  });

  it('passes timeouts of any size on', () => {
    expect(parseCreate({ ...B, timeout: 10n ** 20n }, POLICY).request.timeoutSeconds).toBe(10n ** 20n);
    expect(parseCreate({ ...B, timeout: null }, POLICY).request.timeoutSeconds).toBeUndefined();
  });

  it('takes 0 for no limit', () => {
    const { request } = parseCreate({ ...B, resourceLimits: { cpu: '0', memory: '0', gpu: '0' } }, POLICY);
    expect(request.spec.resources).toEqual({ cpuMillis: undefined, memoryBytes: undefined, gpus: undefined });
  });

  it('refuses a request of the wrong shape before anything else', () => {
    const fault = refusal({ ...B, timeout: 59, extensions: { poolRef: 'p' } });
    expect(issuesOf(fault).map(({ type }) => type)).toEqual(['greater_than_equal']);
  });

  it.each([
    ['memory', '1.5Qi', 'an amount of memory such as 512Mi, 1.5Gi or 1G'],
    ['memory', '', 'an amount of memory such as 512Mi, 1.5Gi or 1G'],
    ['cpu', 'nan', 'a number of CPUs such as 500m, 0.5 or 2'],
    ['cpu', '-1', 'a number of CPUs such as 500m, 0.5 or 2'],
    ['gpu', 'some', "a whole number of devices or 'all'"],
  ])('refuses the %s limit %j and says what it takes', (name, text, expected) => {
    expect(answer({ ...B, resourceLimits: { [name]: text } })).toEqual(
      invalid(`Invalid resourceLimits.${name} '${text}': it must be ${expected}.`),
    );
  });

  it.each([
    ['299', 'must be between 300 and 86400 seconds (5 minutes to 24 hours inclusive), got 299.'],
    ['-300', 'must be between 300 and 86400 seconds (5 minutes to 24 hours inclusive), got -300.'],
    [
      ' ',
      'empty value; omit the key to disable renew-on-access, or use an integer between 300 and 86400 seconds.',
    ],
    ['abc', "must be a base-10 integer string between 300 and 86400, got 'abc'."],
    ['300.0', "must be a base-10 integer string between 300 and 86400, got '300.0'."],
  ])('refuses the renewal %j', (value, why) => {
    expect(answer({ ...B, extensions: { 'access.renew.extend.seconds': value } })).toEqual(
      invalid(`Invalid extensions["access.renew.extend.seconds"]: ${why}`),
    );
  });

  it.each([
    [
      { platform: { os: 'darwin', arch: 'amd64' } },
      "Unsupported platform.os 'darwin'. Supported values: ['linux', 'windows'].",
    ],
    [
      { platform: { os: 'linux', arch: 'x86_64' } },
      "Unsupported platform.arch 'x86_64'. Supported values: ['amd64', 'arm64'].",
    ],
    [
      { secureAccess: true },
      "secureAccess is not supported when runtime.type='docker'. Use the Kubernetes runtime to create secured sandboxes.",
    ],
    [{ networkPolicy: {} }, 'egress.image must be configured when networkPolicy is provided.'],
  ])('refuses %j', (extra, message) => {
    expect(answer({ ...B, ...extra })).toEqual(invalid(message));
  });

  it.each([
    [{ networkMode: 'host' }, 'networkPolicy is not supported when docker network_mode=host.'],
    [
      { networkMode: 'mine' },
      "networkPolicy is not supported when docker network_mode='mine' (user-defined network). Use network_mode='bridge' to apply a networkPolicy.",
    ],
    [
      { egressImage: 'egress' },
      "networkPolicy is not supported yet by this server. Remove 'networkPolicy' from the request.",
    ],
  ])('says why there is no network policy with %j', (policy, message) => {
    expect(answer({ ...B, networkPolicy: {}, credentialProxy: { enabled: true } }, policy)).toEqual(
      invalid(message),
    );
  });

  it('refuses pools and unknown snapshots with codes of their own', () => {
    expect(answer({ extensions: { poolRef: 'p' } })).toEqual([
      400,
      'SANDBOX::UNSUPPORTED_POOL_REF',
      'poolRef is not supported by the Docker provider. Use Kubernetes BatchSandbox provider instead.',
    ]);
    expect(answer({ snapshotId: 'nope', resourceLimits: {} })).toEqual([
      404,
      'SNAPSHOT::NOT_FOUND',
      'Snapshot nope not found',
    ]);
  });
});

describe('parseCreate with volumes', () => {
  const ossfs = { bucket: 'bkt', endpoint: 'e', accessKeyId: 'i', accessKeySecret: 's' };
  const host = (path: string) => ({ host: { path } });
  const pvc = { pvc: { claimName: 'c' } };
  const notAllowed = (path: string) =>
    `Host path '${path}' is not under any allowed prefix. Allowed prefixes: ['/srv/ok', 'C:/data']`;
  const notNormal = (path: string) => `Host path '${path}' is not normalized. Remove redundant slashes.`;

  it.each([
    ['HOST_PATH_NOT_ALLOWED', host('/etc'), notAllowed('/etc')],
    ['HOST_PATH_NOT_ALLOWED', host('/'), notAllowed('/')],
    ['HOST_PATH_NOT_ALLOWED', host('/srv/ok-evil'), notAllowed('/srv/ok-evil')],
    [
      'INVALID_HOST_PATH',
      host('/srv/ok/../x'),
      "Host path '/srv/ok/../x' contains path traversal component '..'.",
    ],
    ['INVALID_HOST_PATH', host('/srv/ok//x'), notNormal('/srv/ok//x')],
    ['INVALID_HOST_PATH', host('/srv/ok/'), notNormal('/srv/ok/')],
    ['INVALID_SUB_PATH', { ...pvc, subPath: '/a' }, "SubPath '/a' must be a relative path, not absolute."],
    [
      'INVALID_SUB_PATH',
      { ...pvc, subPath: 'a/../b' },
      "SubPath 'a/../b' contains path traversal '..' which is not allowed.",
    ],
    ['INVALID_OSSFS_BUCKET', { ossfs: { ...ossfs, bucket: '   ' } }, 'OSSFS bucket cannot be empty.'],
    ['INVALID_OSSFS_ENDPOINT', { ossfs: { ...ossfs, endpoint: ' ' } }, 'OSSFS endpoint cannot be empty.'],
    [
      'INVALID_OSSFS_OPTION',
      { ossfs: { ...ossfs, options: [' '] } },
      'OSSFS options must be non-empty strings.',
    ],
    [
      'INVALID_OSSFS_OPTION',
      { ossfs: { ...ossfs, options: ['-o x'] } },
      "OSSFS options must be raw option payloads without '-' prefix (e.g. 'allow_other', 'uid=1000').",
    ],
  ])('answers VOLUME::%s to %j', (code, extra, message) => {
    expect(answer({ ...B, volumes: [{ name: 'a', mountPath: '/m', ...extra }] })).toEqual([
      400,
      `VOLUME::${code}`,
      message,
    ]);
  });

  it('refuses two volumes of one name', () => {
    const volume = { name: 'a', mountPath: '/m', ...pvc };
    expect(answer({ ...B, volumes: [volume, volume] })).toEqual([
      400,
      'VOLUME::DUPLICATE_NAME',
      "Duplicate volume name 'a'. Each volume must have a unique name.",
    ]);
  });

  it.each(['/srv/ok', '/srv/ok/a/..x', 'c:\\data\\x'])(
    'finds nothing wrong with the host path %s',
    (path) => {
      const volumes = [{ name: 'a', mountPath: '/m', ...host(path) }];
      expect(parseCreate({ ...B, volumes }, POLICY).request.spec.volumes).toEqual([
        { name: 'a', mountPath: '/m', readOnly: false, subPath: undefined, source: { kind: 'host', path } },
      ]);
    },
  );

  it('reads a named volume with what it defaults to, and an empty subPath as none', () => {
    const volumes = [{ name: 'a', mountPath: '/m', readOnly: true, subPath: '', pvc: { claimName: 'c' } }];
    expect(parseCreate({ ...B, volumes }, POLICY).request.spec.volumes).toEqual([
      {
        name: 'a',
        mountPath: '/m',
        readOnly: true,
        subPath: undefined,
        source: {
          kind: 'claim',
          claimName: 'c',
          createIfMissing: true,
          deleteWithSandbox: false,
          storageClass: undefined,
          storage: undefined,
          accessModes: undefined,
        },
      },
    ]);
  });

  it('reads a bucket, and keeps its secret out of texts', () => {
    const volumes = [{ name: 'a', mountPath: '/m', subPath: 'p/q', ossfs: { ...ossfs, options: ['ro'] } }];
    const [volume] = parseCreate({ ...B, volumes }, POLICY).request.spec.volumes;
    expect(volume?.source).toMatchObject({ kind: 'ossfs', bucket: 'bkt', version: '2.0', options: ['ro'] });
    expect(volume?.subPath).toBe('p/q');
    const credentials = volume?.source.kind === 'ossfs' ? volume.source.credentials : undefined;
    expect(credentials?.accessKeySecret.reveal()).toBe('s');
    expect(JSON.stringify(volume)).not.toContain('"s"');
  });
});
