import { Secret } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { fingerprintOf, isSameFingerprint } from './fingerprint.ts';
import type { CredentialedMount } from './oss-mount.ts';

const KEY = Buffer.alloc(32, 7);
const MOUNT: CredentialedMount = {
  key: 'my-bucket',
  bucket: 'my-bucket',
  prefix: '',
  url: 'https://oss.example.com',
  version: '2.0',
  options: ['a', 'b'],
  credentials: { accessKeyId: 'ID', accessKeySecret: new Secret('SECRET') },
};

describe('fingerprintOf', () => {
  it('is the same for the same mount and key, and tells nothing of the secret', () => {
    const fingerprint = fingerprintOf(MOUNT, KEY);
    expect(isSameFingerprint(fingerprint, fingerprintOf({ ...MOUNT }, KEY))).toBe(true);
    expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each<[string, Partial<CredentialedMount>]>([
    ['key id', { credentials: { ...MOUNT.credentials, accessKeyId: 'ID2' } }],
    ['secret', { credentials: { ...MOUNT.credentials, accessKeySecret: new Secret('SECRET2') } }],
    ['url', { url: 'https://other.example.com' }],
    ['version', { version: '1.0' }],
    ['options', { options: ['a,b'] }],
    ['key', { key: 'my-bucket/a' }],
  ])('differs with another %s', (_what, change) => {
    const other = fingerprintOf({ ...MOUNT, ...change }, KEY);
    expect(isSameFingerprint(fingerprintOf(MOUNT, KEY), other)).toBe(false);
  });

  it('differs under another key', () => {
    const other = fingerprintOf(MOUNT, Buffer.alloc(32, 8));
    expect(isSameFingerprint(fingerprintOf(MOUNT, KEY), other)).toBe(false);
  });
});
