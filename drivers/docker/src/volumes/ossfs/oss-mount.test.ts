import { Secret } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import type { VolumeOf } from '../backend.ts';
import { parseOssMount } from './oss-mount.ts';

const SECRET = 'a+secret/that=nobody.may_see';

interface Change {
  readonly bucket?: string;
  readonly subPath?: string | undefined;
  readonly endpoint?: string;
  readonly options?: readonly string[];
  readonly id?: string;
  readonly secret?: string;
}

function volume(change: Change = {}): VolumeOf<'ossfs'> {
  const {
    bucket = 'my-bucket',
    endpoint = 'oss.example.com',
    options = [],
    id = 'LTAI',
    secret = SECRET,
  } = change;
  return {
    name: 'data',
    mountPath: '/data',
    readOnly: false,
    subPath: change.subPath,
    source: {
      kind: 'ossfs',
      bucket,
      endpoint,
      version: '2.0',
      options,
      credentials: { accessKeyId: id, accessKeySecret: new Secret(secret) },
    },
  };
}

describe('parseOssMount', () => {
  it.each<[string | undefined, string, string]>([
    [undefined, '', 'my-bucket'],
    ['.', '', 'my-bucket'],
    ['a', 'a', 'my-bucket/a'],
    ['a//b/./c/', 'a/b/c', 'my-bucket/a/b/c'],
    ['Größe/数据_1.0', 'Größe/数据_1.0', 'my-bucket/Größe/数据_1.0'],
  ])('takes the subPath %j as the prefix %j and the key %j', (subPath, prefix, key) => {
    expect(parseOssMount(volume({ subPath }))).toMatchObject({ prefix, key });
  });

  it.each([
    ['oss-cn-hangzhou.aliyuncs.com', 'https://oss-cn-hangzhou.aliyuncs.com'],
    [' oss.example.com ', 'https://oss.example.com'],
    ['http://127.0.0.1:9000', 'http://127.0.0.1:9000'],
    ['HTTPS://oss.example.com/base', 'HTTPS://oss.example.com/base'],
    ['[::1]:9000', 'https://[::1]:9000'],
  ])('makes the endpoint %j the URL %j', (endpoint, url) => {
    expect(parseOssMount(volume({ endpoint })).url).toBe(url);
  });

  it('keeps options as they are', () => {
    const options = [
      'allow_other,umask=0022',
      'uid=1000',
      'attr_timeout=60',
      'compat_dir',
      'a_dir=true,b_path=0',
    ];
    expect(parseOssMount(volume({ options })).options).toEqual(options);
  });

  it.each<[string, Change]>([
    ...[
      '../evil',
      '../evil/dir',
      'Upper',
      '-dash',
      'dash-',
      'a_b',
      'a.b',
      'a b',
      'ab\n',
      '',
      'ab',
      'x'.repeat(64),
    ].map((bucket): [string, Change] => [`bucket ${JSON.stringify(bucket)}`, { bucket }]),
    ...[
      'oss.example.com;id',
      'ftp://oss.example.com',
      'user:password@oss.example.com',
      'oss.example.com/$(id)',
      'oss.example.com/../x',
      'oss.example.com\n--oss_bucket=x',
      'oss example',
      'https://',
    ].map((endpoint): [string, Change] => [`endpoint ${JSON.stringify(endpoint)}`, { endpoint }]),
    ...[
      'allow_other\nx',
      'a;b',
      'a b',
      '-o allow_other',
      'a=`id`',
      'a,,b',
      'a,-b',
      'passwd_file=x',
      'allow_other,passwd_file=x',
      'PASSWD_FILE=x',
      'url=http.other',
      'oss_bucket=other',
      'oss_access_key_id=other',
      'credential_process=x',
      'logfile=/etc/passwd',
      'use_cache=/tmp',
      'logfile=vmlinuz',
      'allow_other,log_dir=etc',
      'tmpdir=tmp',
      'ahbe_conf=x',
      'passwd-file=x',
      'iam_role=auto',
      'credlib=x.so',
      '',
    ].map((option): [string, Change] => [
      `option ${JSON.stringify(option)}`,
      { options: ['allow_other', option] },
    ]),
    ...['a b', 'a:b', 'a\tb', 'a\u0000b', 'a\\b', 'a*', '$(id)', "a'b", 'a\u2028b', 'x'.repeat(256)].map(
      (subPath): [string, Change] => [`subPath ${JSON.stringify(subPath).slice(0, 20)}`, { subPath }],
    ),
    ...['', 'a b', 'a\nb', 'a:b', 'a;b', 'a\u007fb'].flatMap((text): [string, Change][] => [
      [`accessKeyId ${JSON.stringify(text)}`, { id: text }],
      [`accessKeySecret ${JSON.stringify(text)}`, { secret: text }],
    ]),
  ])('refuses the %s', (_what, change) => {
    const parse = (): unknown => parseOssMount(volume(change));
    expect(parse).toThrow(expect.objectContaining({ kind: 'invalid', code: 'parameter.invalid' }) as Error);
    expect(parse).toThrow(/^OSS volume 'data' cannot be mounted: /);
  });

  it.each(['/abs', '..', 'a/../../b', '../x'])(
    'refuses the subPath %j, which leads out of the bucket',
    (subPath) => {
      expect(() => parseOssMount(volume({ subPath }))).toThrow(
        expect.objectContaining({ kind: 'invalid', code: 'volume.sub_path' }) as Error,
      );
    },
  );

  it('never tells the secret that it refuses', () => {
    const secret = `${SECRET}\n`;
    expect(() => parseOssMount(volume({ secret }))).not.toThrow(new RegExp(SECRET.replace('+', '\\+')));
  });
});
