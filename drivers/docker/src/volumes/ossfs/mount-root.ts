import { isAbsolute, normalize } from 'node:path';
import type { FaultCode } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';

/** The directory for mounts in its plain form. A colon would end the source of a bind too early. */
export function parseMountRoot(text: string | undefined): string {
  if (text === undefined || !isAbsolute(text)) throw badRoot(text ?? '', 'it is not an absolute path');
  const path = normalize(text).replace(/(.)\/+$/, '$1');
  if (path === '/') throw badRoot(text, 'it is the root of the file system');

  if (/[:\u0000-\u001f\u007f]/.test(path)) throw badRoot(text, 'it contains a colon or a control character');
  return path;
}

export function badRoot(path: string, why: string, cause?: unknown): Fault {
  return new Fault(
    'internal',
    'volume.ossfs_root' satisfies FaultCode,
    `OSS buckets cannot be mounted below storage.ossfs_mount_root = '${path}': ${why}. The operator of this server has to change it.`,
    { cause },
  );
}
