import { Secret } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { formatMountCommand } from './mount-command.ts';
import type { CredentialedMount } from './oss-mount.ts';

const MOUNT: CredentialedMount = {
  key: 'my-bucket/a/b',
  bucket: 'my-bucket',
  prefix: 'a/b',
  url: 'https://oss.example.com',
  version: '2.0',
  options: ['allow_other', 'attr_timeout=60'],
  credentials: { accessKeyId: 'ID', accessKeySecret: new Secret('SECRET') },
};
const WHERE = { path: '/mnt/ossfs/my-bucket/a/b', file: '/private/x.conf' };

describe('formatMountCommand', () => {
  it('tells version 2.0 everything in its file', () => {
    expect(formatMountCommand(MOUNT, WHERE)).toEqual({
      program: 'ossfs2',
      args: ['mount', '/mnt/ossfs/my-bucket/a/b', '-c', '/private/x.conf'],
      fileText:
        '--oss_endpoint=https://oss.example.com\n--oss_bucket=my-bucket\n--oss_access_key_id=ID\n' +
        '--oss_access_key_secret=SECRET\n--oss_bucket_prefix=a/b/\n--allow_other\n--attr_timeout=60\n',
    });
  });

  it('names no prefix for a whole bucket', () => {
    expect(formatMountCommand({ ...MOUNT, prefix: '' }, WHERE).fileText).not.toContain('prefix');
    expect(formatMountCommand({ ...MOUNT, prefix: '', version: '1.0' }, WHERE).args[0]).toBe('my-bucket');
  });

  it('tells version 1.0 all but the credentials on its command line', () => {
    expect(formatMountCommand({ ...MOUNT, version: '1.0' }, WHERE)).toEqual({
      program: 'ossfs',
      args: [
        'my-bucket:/a/b', '/mnt/ossfs/my-bucket/a/b', '-o', 'url=https://oss.example.com',
        '-o', 'passwd_file=/private/x.conf', '-o', 'allow_other', '-o', 'attr_timeout=60',
      ], // prettier-ignore
      fileText: 'my-bucket:ID:SECRET\n',
    });
  });
});
