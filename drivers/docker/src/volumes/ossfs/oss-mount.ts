import type { FaultCode, OssCredentials } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import type { VolumeOf } from '../backend.ts';

/** A bucket, or what lies below a prefix of it, as it shall be mounted. Every text in it is safe to hand on. */
export interface OssMount {
  /** `<bucket>` or `<bucket>/<prefix>`: the place below the mount root. Mounts of one key are one mount. */
  readonly key: string;
  readonly bucket: string;
  /** Without slashes at its ends; empty for the whole bucket. */
  readonly prefix: string;
  readonly url: string;
  readonly version: '1.0' | '2.0';
  readonly options: readonly string[];
}

export interface CredentialedMount extends OssMount {
  readonly credentials: OssCredentials;
}

const BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const URL_SHAPE =
  /^(?:https?:\/\/)?(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?(?:\/[\w.~/-]*)?$/i;
/** What a shell, a line of a configuration file or a mount table would take for something else. */
const UNSAFE = /[\p{C}\p{Z}\s;&|`$<>(){}[\]*?!#~"'\\]/u;
/** Longest name of an object in a bucket, in bytes, and of a file in a directory. */
const LONGEST_PREFIX = 1023;
const LONGEST_NAME = 255;
/**
 * The request says these in fields of its own; as options they would read other files of the host, take the rights of
 * the host's own account, or make the mount another one than it is kept for.
 */
const TAKEN_OPTION =
  /^(?:url|passwd_file|use_cache|public_bucket|.*_role|ecs|profile|credlib.*|.*credential.*|.*config.*|oss_.*|.*access_key.*)$/;
/** Options that name a file. One without a slash lies in the root of the host, where the program runs, and as root. */
const FILE_OPTION = /^[^=]*(?:file|dir|path|conf|cert)=(?!(?:true|false|\d+)$)/;

/** What a volume asks for. Refuses whatever could mean more than it says; makes nothing. */
export function parseOssMount(volume: VolumeOf<'ossfs'>): CredentialedMount {
  const { bucket, endpoint, version, options, credentials } = volume.source;
  if (!BUCKET.test(bucket)) {
    throw refuse(
      volume,
      'its bucket name is not valid. Use 3 to 63 lower-case letters, digits and hyphens, without a hyphen at either end.',
    );
  }
  const prefix = parsePrefix(volume);
  return {
    key: prefix === '' ? bucket : `${bucket}/${prefix}`,
    bucket,
    prefix,
    url: parseUrl(volume, endpoint),
    version,
    options: options.map((option) => parseOption(volume, option)),
    credentials: parseCredentials(volume, credentials),
  };
}

function parsePrefix(volume: VolumeOf<'ossfs'>): string {
  const { subPath = '' } = volume;
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  if (subPath.startsWith('/') || parts.includes('..')) {
    throw new Fault(
      'invalid',
      'volume.sub_path' satisfies FaultCode,
      `SubPath '${printable(subPath)}' must be a relative path that stays below its bucket.`,
    );
  }
  const prefix = parts.join('/');
  if (UNSAFE.test(prefix) || prefix.includes(':')) {
    throw refuse(volume, 'its subPath contains a blank, a colon, a control character or a shell character.');
  }
  const isLong = parts.some((part) => Buffer.byteLength(part) > LONGEST_NAME);
  if (isLong || Buffer.byteLength(prefix) > LONGEST_PREFIX) throw refuse(volume, 'its subPath is too long.');
  return prefix;
}

function parseUrl(volume: VolumeOf<'ossfs'>, endpoint: string): string {
  const text = endpoint.trim();
  if (!URL_SHAPE.test(text) || text.split('/').includes('..')) {
    throw refuse(
      volume,
      'its endpoint is not a host name or an http(s) URL, such as oss-cn-hangzhou.aliyuncs.com.',
    );
  }
  return /^https?:\/\//i.test(text) ? text : `https://${text}`;
}

function parseOption(volume: VolumeOf<'ossfs'>, raw: string): string {
  const option = raw.trim();
  if (option === '' || option.startsWith('-') || UNSAFE.test(option)) {
    throw refuse(
      volume,
      'one of its options is blank, begins with a dash, or contains a blank, a control character or a shell character.',
    );
  }
  for (const part of option.split(',')) {
    const name = part.split('=', 1)[0] ?? '';
    if (part === '' || part.startsWith('-')) throw refuse(volume, 'one of its options has an empty part.');
    const plain = part.toLowerCase().replaceAll('-', '_'); // to some programs both are the same
    if (TAKEN_OPTION.test(plain.split('=', 1)[0] ?? '')) {
      throw refuse(
        volume,
        `option '${name}' is not for requests: bucket, endpoint and credentials have fields of their own.`,
      );
    }
    if (part.includes('/') || FILE_OPTION.test(plain)) {
      throw refuse(volume, `option '${name}' names a path, and options may not name files of the host.`);
    }
  }
  return option;
}

function parseCredentials(
  volume: VolumeOf<'ossfs'>,
  credentials: OssCredentials | undefined,
): OssCredentials {
  if (credentials === undefined || credentials.accessKeyId === '') {
    throw refuse(volume, 'it has no credentials. Give accessKeyId and accessKeySecret.');
  }
  const isUnsafe = (text: string): boolean => text === '' || UNSAFE.test(text) || text.includes(':');
  if (isUnsafe(credentials.accessKeyId)) {
    throw refuse(
      volume,
      'its accessKeyId contains a blank, a colon, a control character or a shell character.',
    );
  }
  if (isUnsafe(credentials.accessKeySecret.reveal())) {
    throw refuse(
      volume,
      'its accessKeySecret is empty, or contains a blank, a colon, a control character or a shell character.',
    );
  }
  return credentials;
}

function refuse(volume: VolumeOf<'ossfs'>, why: string): Fault {
  return new Fault(
    'invalid',
    'parameter.invalid' satisfies FaultCode,
    `OSS volume '${volume.name}' cannot be mounted: ${why}`,
  );
}

function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?').slice(0, 200);
}
