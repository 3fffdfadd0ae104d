import { statSync } from 'node:fs';
import { errorText, expandPath } from '@opensandbox/process';
import type { Environment } from '@opensandbox/process';
import { agentFault } from '../error-envelope.ts';

/**
 * Where a command runs: `cwd` with its variables and `~` replaced, or the agent's own directory when it is
 * empty. Throws `INVALID_REQUEST_BODY` unless it is an existing directory.
 */
export function resolveWorkingDirectory(cwd: string, environment: Environment, ownDirectory: string): string {
  const expanded = cwd === '' ? { path: ownDirectory } : expandPath(cwd, environment);
  if ('missing' in expanded) {
    const names = expanded.missing.join(',');
    throw refused(
      `cannot resolve working directory "${cwd}": path references undefined environment variables: ${names}`,
    );
  }
  if ('noHome' in expanded) throw refused(`cannot resolve working directory "${cwd}": HOME is not set`);
  checkDirectory(expanded.path);
  return expanded.path;
}

function checkDirectory(path: string): void {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch (error) {
    throw refused(`working directory does not exist: ${path}: ${errorText(error)}`);
  }
  if (!isDirectory) throw refused(`working directory path is not a directory: ${path}`);
}

function refused(message: string): Error {
  return agentFault('invalid', 'INVALID_REQUEST_BODY', message);
}
