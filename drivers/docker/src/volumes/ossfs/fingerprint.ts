import { createHmac, timingSafeEqual } from 'node:crypto';
import type { CredentialedMount } from './oss-mount.ts';

/**
 * Tells whether two mounts of one key are the same, without keeping the credentials. Keyed: without the key, which
 * stays in a private file of this server, nothing can be tried against it.
 */
export function fingerprintOf(mount: CredentialedMount, key: Buffer): string {
  const { credentials, url, version, options } = mount;
  const parts = [mount.key, version, url, options, credentials.accessKeyId];
  const text = JSON.stringify([...parts, credentials.accessKeySecret.reveal()]);
  return createHmac('sha256', key).update(text).digest('hex');
}

export function isSameFingerprint(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
