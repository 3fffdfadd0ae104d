const ERROR_TEXT: Readonly<Record<string, string>> = {
  E2BIG: 'argument list too long',
  EACCES: 'permission denied',
  EAGAIN: 'resource temporarily unavailable',
  EEXIST: 'file exists',
  EINVAL: 'invalid argument',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'file name too long',
  ENOENT: 'no such file or directory',
  ENOEXEC: 'exec format error',
  ENOMEM: 'cannot allocate memory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
  ERR_INVALID_ARG_VALUE: 'invalid argument',
};

/** The code of a system error (`ENOENT`), or nothing when the value is something else. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** What the operating system says about an error, without paths and call names. */
export function errorText(error: unknown): string {
  const code = errorCode(error);
  if (code !== undefined) return ERROR_TEXT[code] ?? code;
  return error instanceof Error ? error.message : String(error);
}
