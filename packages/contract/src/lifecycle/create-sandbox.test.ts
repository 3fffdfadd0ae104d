import { describe, expect, it } from 'vitest';
import type { CreateSandboxRequest } from './create-sandbox.ts';
import { createSandboxRequest } from './create-sandbox.ts';

const B = { image: { uri: 'busybox' }, entrypoint: ['sleep', '999'], resourceLimits: {} };

function accepted(body: unknown): CreateSandboxRequest {
  const result = createSandboxRequest.check(body, 'body');
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return result.value;
}

function issues(body: unknown) {
  const result = createSandboxRequest.check(body, 'body');
  return result.ok ? [] : result.issues;
}

const shape = (body: unknown) => issues(body).map(({ type, loc }) => [type, loc.join('.')]);
const rule = (text: string) => ['value_error', `Value error, ${text}`];

describe('createSandboxRequest', () => {
  it('reads a plain request with everything absent left undefined', () => {
    expect(accepted(B)).toMatchObject({ ...B, secureAccess: false });
    expect(accepted(B).timeout).toBeUndefined();
    expect(accepted({ ...B, timeout: null, env: null, volumes: null, metadata: null }).env).toBeUndefined();
  });

  it.each([
    [undefined, [{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]],
    [null, [{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]],
    [
      [],
      [
        {
          type: 'model_attributes_type',
          loc: ['body'],
          msg: 'Input should be a valid dictionary or object to extract fields from',
          input: [],
        },
      ],
    ],
  ])('refuses %j as a whole', (body, expected) => {
    expect(issues(body)).toEqual(expected);
  });

  it('tells exactly what a too short timeout breaks', () => {
    expect(issues({ timeout: 10 })).toEqual([
      {
        type: 'greater_than_equal',
        loc: ['body', 'timeout'],
        msg: 'Input should be greater than or equal to 60',
        input: 10,
        ctx: { ge: 60 },
      },
    ]);
  });

  it.each([
    ['3600', 3600],
    [120.0, 120],
    [' 60 ', 60],
    [100000000000000000001n, 100000000000000000001n],
  ])('takes the timeout %s', (timeout, expected) => {
    expect(accepted({ ...B, timeout }).timeout).toBe(expected);
  });

  it.each([
    [{ ...B, timeout: 59 }, [['greater_than_equal', 'body.timeout']]],
    [{ ...B, timeout: '30' }, [['greater_than_equal', 'body.timeout']]],
    [{ ...B, timeout: 60.5 }, [['int_from_float', 'body.timeout']]],
    [{ ...B, timeout: 'soon' }, [['int_parsing', 'body.timeout']]],
    [{ ...B, entrypoint: [] }, [['too_short', 'body.entrypoint']]],
    [{ ...B, entrypoint: ['a', 1] }, [['string_type', 'body.entrypoint.1']]],
    [{ ...B, entrypoint: 'a' }, [['list_type', 'body.entrypoint']]],
    [{ ...B, metadata: { a: null } }, [['string_type', 'body.metadata.a']]],
    [{ ...B, metadata: [] }, [['dict_type', 'body.metadata']]],
    [{ ...B, image: {} }, [['missing', 'body.image.uri']]],
    [{ ...B, image: 'x' }, [['model_attributes_type', 'body.image']]],
    [{ ...B, image: { uri: 'x', auth: { username: 'u' } } }, [['missing', 'body.image.auth.password']]],
    [{ ...B, secureAccess: 'maybe' }, [['bool_parsing', 'body.secureAccess']]],
    [{ ...B, secureAccess: null }, [['bool_type', 'body.secureAccess']]],
    [{ ...B, resourceRequests: { cpu: 1 } }, [['string_type', 'body.resourceRequests.cpu']]],
    [{ ...B, resourceRequests: [] }, [['dict_type', 'body.resourceRequests']]],
    [{ ...B, networkPolicy: { egress: null } }, [['list_type', 'body.networkPolicy.egress']]],
    [
      { ...B, networkPolicy: { egress: [{ target: '' }] } },
      [
        ['missing', 'body.networkPolicy.egress.0.action'],
        ['string_too_short', 'body.networkPolicy.egress.0.target'],
      ],
    ],
    [{ ...B, credentialProxy: { enabled: null } }, [['bool_type', 'body.credentialProxy.enabled']]],
    [{ ...B, metadata: { a: '\ud800' } }, [['string_unicode', 'body.metadata.a']]],
  ])('refuses %j', (body, expected) => {
    expect(shape(body)).toEqual(expected);
  });

  it('lists every broken field in the order of declaration', () => {
    const body = { extensions: 1, timeout: 'x', volumes: {}, image: { uri: 5 }, env: { A: 1 } };
    expect(shape(body)).toEqual([
      ['string_type', 'body.image.uri'],
      ['int_parsing', 'body.timeout'],
      ['string_type', 'body.env.A'],
      ['list_type', 'body.volumes'],
      ['dict_type', 'body.extensions'],
    ]);
  });

  it.each([
    [{}, 'Exactly one of image or snapshotId must be provided.'],
    [{ ...B, snapshotId: 's' }, 'Exactly one of image or snapshotId must be provided.'],
    [{ ...B, image: { uri: '  ' } }, 'Exactly one of image or snapshotId must be provided.'],
    [{ ...B, entrypoint: null }, 'Entrypoint is required when image is provided.'],
    [{ ...B, resourceLimits: null }, 'resourceLimits is required when poolRef is not provided.'],
    [{ ...B, credentialProxy: { enabled: true } }, 'credentialProxy.enabled requires networkPolicy.'],
    [{ extensions: { poolRef: 'p' }, snapshotId: 's' }, 'snapshotId cannot be used together with poolRef.'],
    [
      { extensions: { poolRef: 'p' }, credentialProxy: { enabled: true } },
      'credentialProxy.enabled cannot be used together with poolRef.',
    ],
  ])('breaks one rule over the whole body with %j', (body, text) => {
    expect(issues(body)).toEqual([
      { type: 'value_error', loc: ['body'], msg: `Value error, ${text}`, input: body, ctx: { error: {} } },
    ]);
  });

  it.each([
    { extensions: { poolRef: 'p' } },
    { snapshotId: 's', resourceLimits: {} },
    { image: { uri: ' ' }, snapshotId: 's', resourceLimits: {} },
    { ...B, extensions: { poolRef: ' ' } },
    { ...B, networkPolicy: {}, credentialProxy: { enabled: 'yes' } },
    { ...B, somethingNew: { deep: [1] } },
  ])('accepts %j', (body) => {
    accepted(body);
  });

  it('takes snake_case members, and prefers camelCase when both are there', () => {
    const request = accepted({
      image: { uri: 'x' },
      entrypoint: ['a'],
      resource_limits: { cpu: '1' },
      resource_requests: { cpu: '2' },
      network_policy: { default_action: 'deny' },
      secure_access: 'on',
      secureAccess: false,
    });
    expect(request.resourceLimits).toEqual({ cpu: '1' });
    expect(request.resourceRequests).toEqual({ cpu: '2' });
    expect(request.networkPolicy).toEqual({ defaultAction: 'deny', egress: [] });
    expect(request.secureAccess).toBe(false);
  });

  it('places an issue by the spelling that was sent', () => {
    expect(shape({ ...B, resource_requests: [] })).toEqual([['dict_type', 'body.resource_requests']]);
    expect(shape({ ...B, volumes: [{ name: 'a', mount_path: 'x', host: { path: '/a' } }] })).toEqual([
      ['string_pattern_mismatch', 'body.volumes.0.mount_path'],
    ]);
  });

  it('keeps env entries with null apart from empty ones', () => {
    expect(accepted({ ...B, env: { A: null, B: '' } }).env).toEqual({ A: undefined, B: '' });
  });

  it('never echoes a password, a secret or an environment value', () => {
    const body = {
      image: { uri: 1, auth: { username: 'user-x', password: 'hush-1' } },
      env: { TOKEN: 'hush-2', N: 3 },
      volumes: [
        { name: 'v', mountPath: '/v', ossfs: { bucket: 'bkt', endpoint: 'e', accessKeyId: 'hush-3' } },
      ],
    };
    for (const given of [body, { ...body, image: { auth: body.image.auth } }, JSON.stringify(body), [body]]) {
      expect(issues(given)).not.toEqual([]);
      expect(JSON.stringify(issues(given))).not.toMatch(/hush|user-x/);
    }
  });
});

describe('createSandboxRequest with volumes', () => {
  const volume = (extra: object) => ({ ...B, volumes: [{ name: 'a', mountPath: '/m', ...extra }] });
  const host = { host: { path: '/srv' } };

  it('fills in what a volume leaves out', () => {
    expect(accepted(volume({ pvc: { claim_name: 'c' } })).volumes).toMatchObject([
      {
        name: 'a',
        mountPath: '/m',
        readOnly: false,
        pvc: { claimName: 'c', createIfNotExists: true, deleteOnSandboxTermination: false },
      },
    ]);
  });

  it('tells the pattern that a name breaks', () => {
    expect(issues(volume({ ...host, name: 'A_b' }))).toEqual([
      {
        type: 'string_pattern_mismatch',
        loc: ['body', 'volumes', 0, 'name'],
        msg: "String should match pattern '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'",
        input: 'A_b',
        ctx: { pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' },
      },
    ]);
  });

  it.each([
    [{ ...host, name: 'a'.repeat(64) }, [['string_too_long', 'body.volumes.0.name']]],
    [{ ...host, name: 'a\n' }, [['string_pattern_mismatch', 'body.volumes.0.name']]],
    [{ ...host, mountPath: 'm' }, [['string_pattern_mismatch', 'body.volumes.0.mountPath']]],
    [{ ...host, readOnly: null }, [['bool_type', 'body.volumes.0.readOnly']]],
    [{ host: { path: 'srv' } }, [['string_pattern_mismatch', 'body.volumes.0.host.path']]],
    [
      { pvc: { claimName: 'c', storage: '1GB' } },
      [['string_pattern_mismatch', 'body.volumes.0.pvc.storage']],
    ],
    [
      { ossfs: { bucket: 'ab', endpoint: '', version: '3.0', accessKeyId: '' } },
      [
        ['string_too_short', 'body.volumes.0.ossfs.bucket'],
        ['string_too_short', 'body.volumes.0.ossfs.endpoint'],
        ['literal_error', 'body.volumes.0.ossfs.version'],
        ['string_too_short', 'body.volumes.0.ossfs.accessKeyId'],
      ],
    ],
  ])('refuses the volume %j', (extra, expected) => {
    expect(shape(volume(extra))).toEqual(expected);
  });

  it.each([
    [{}, 'Exactly one backend (host, pvc, ossfs) must be specified, but none was provided.'],
    [{ host: null }, 'Exactly one backend (host, pvc, ossfs) must be specified, but none was provided.'],
    [
      { ...host, pvc: { claimName: 'c' } },
      'Exactly one backend (host, pvc, ossfs) must be specified, but multiple were provided.',
    ],
  ])('counts the backends of %j', (extra, text) => {
    const found = issues(volume(extra)).map(({ type, msg, loc }) => [[type, msg], loc]);
    expect(found).toEqual([[rule(text), ['body', 'volumes', 0]]]);
  });

  it('asks for both OSSFS credentials', () => {
    const ossfs = { bucket: 'bkt', endpoint: 'e', accessKeyId: 'i' };
    expect(issues(volume({ ossfs }))).toEqual([
      {
        type: 'value_error',
        loc: ['body', 'volumes', 0, 'ossfs'],
        msg: 'Value error, OSSFS inline credentials are required: accessKeyId and accessKeySecret.',
        input: { bucket: 'bkt', endpoint: 'e', accessKeyId: '***' },
        ctx: { error: {} },
      },
    ]);
  });

  it('names both versions of ossfs that there are', () => {
    const ossfs = { bucket: 'bkt', endpoint: 'e', accessKeyId: 'i', accessKeySecret: 's', version: 2 };
    expect(issues(volume({ ossfs }))[0]).toMatchObject({
      type: 'literal_error',
      msg: "Input should be '1.0' or '2.0'",
      ctx: { expected: "'1.0' or '2.0'" },
    });
  });
});
