import { mkdirSync } from 'node:fs';
import { errorText, expandPath } from '@opensandbox/process';
import type { Environment } from '@opensandbox/process';
import { agentFault } from '../error-envelope.ts';

/** Where a session's shell starts: `cwd` with its variables and `~` replaced, made when it is missing. */
export function sessionDirectory(cwd: string, environment: Environment, ownDirectory: string): string {
  if (cwd === '') return ownDirectory;
  const expanded = expandPath(cwd, environment);
  if ('missing' in expanded) {
    const names = expanded.missing.join(',');
    throw agentFault(
      'invalid',
      'INVALID_REQUEST_BODY',
      `cannot resolve working directory "${cwd}": path references undefined environment variables: ${names}`,
    );
  }
  if ('noHome' in expanded) {
    throw agentFault(
      'invalid',
      'INVALID_REQUEST_BODY',
      `cannot resolve working directory "${cwd}": HOME is not set`,
    );
  }
  try {
    mkdirSync(expanded.path, { recursive: true });
  } catch (error) {
    throw agentFault('internal', 'RUNTIME_ERROR', `error creating pty session. ${errorText(error)}`);
  }
  return expanded.path;
}
