import type { CredentialedMount } from './oss-mount.ts';

/** One run of the mount program. The secret is in the file only: everybody may read a command line. */
export interface MountCommand {
  readonly program: 'ossfs' | 'ossfs2';
  readonly args: readonly string[];
  /** Text of the file that `args` names. */
  readonly fileText: string;
}

export function programOf(version: '1.0' | '2.0'): MountCommand['program'] {
  return version === '1.0' ? 'ossfs' : 'ossfs2';
}

/** `file` is where the credentials will be, `path` where the bucket shall appear. */
export function formatMountCommand(
  mount: CredentialedMount,
  { path, file }: { readonly path: string; readonly file: string },
): MountCommand {
  const program = programOf(mount.version);
  return mount.version === '1.0'
    ? { program, args: firstArgs(mount, { path, file }), fileText: passwordFile(mount) }
    : { program, args: ['mount', path, '-c', file], fileText: configFile(mount) };
}

function firstArgs(
  { bucket, prefix, url, options }: CredentialedMount,
  { path, file }: { readonly path: string; readonly file: string },
): readonly string[] {
  const source = prefix === '' ? bucket : `${bucket}:/${prefix}`;
  const all = [`url=${url}`, `passwd_file=${file}`, ...options];
  return [source, path, ...all.flatMap((option) => ['-o', option])];
}

function passwordFile({ bucket, credentials }: CredentialedMount): string {
  return `${bucket}:${credentials.accessKeyId}:${credentials.accessKeySecret.reveal()}\n`;
}

function configFile({ bucket, prefix, url, options, credentials }: CredentialedMount): string {
  const lines = [
    `--oss_endpoint=${url}`,
    `--oss_bucket=${bucket}`,
    `--oss_access_key_id=${credentials.accessKeyId}`,
    `--oss_access_key_secret=${credentials.accessKeySecret.reveal()}`,
    ...(prefix === '' ? [] : [`--oss_bucket_prefix=${prefix}/`]),
    ...options.map((option) => `--${option}`),
  ];
  return `${lines.join('\n')}\n`;
}
