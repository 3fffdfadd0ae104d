import { lstat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expandPath } from '@opensandbox/process';
import type { Environment } from '@opensandbox/process';
import { agentFault } from '../error-envelope.ts';

/**
 * Turns a path as a client wrote it into an absolute path of this process. What a client may reach is decided
 * here and nowhere else: another view of the file system is another resolver.
 */
export type PathResolver = (path: string) => Promise<string>;

export interface HostView {
  readonly env: () => Environment;
  /** What relative paths are relative to. */
  readonly cwd: string;
}

/** The whole file system. An existing file whose name holds `$` wins over what the name expands to. */
export function hostPathResolver(view: HostView): PathResolver {
  return async (path) => {
    if (path.includes('\0')) throw invalidPath('a path cannot contain a NUL character');
    const literal = resolve(view.cwd, path);
    if (path.includes('$') && (await exists(literal))) return literal;
    const expanded = expandPath(path, view.env());
    if ('missing' in expanded) {
      throw invalidPath(`path references undefined environment variables: ${expanded.missing.join(',')}`);
    }
    if ('noHome' in expanded) throw invalidPath('cannot expand ~: HOME is not set');
    return resolve(view.cwd, expanded.path);
  };
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false, // whatever keeps us from seeing it also keeps it from being the file that is meant
  );
}

function invalidPath(message: string): Error {
  return agentFault('invalid', 'INVALID_REQUEST_BODY', message);
}
