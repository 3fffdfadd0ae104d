import { mkdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { Fault } from '@opensandbox/base';
import { errorText, expandPath } from '@opensandbox/process';
import type { Environment } from '@opensandbox/process';

/** Where the code of a context runs: `cwd` with its variables and `~` replaced, made when it is missing. */
export function contextDirectory(
  cwd: string,
  environment: Environment,
  ownDirectory: string,
): string | undefined {
  if (cwd === '') return undefined;
  const expanded = expandPath(cwd, environment);
  if ('missing' in expanded) {
    const names = expanded.missing.join(',');
    throw refused(`cannot resolve "${cwd}": path references undefined environment variables: ${names}`);
  }
  if ('noHome' in expanded) throw refused(`cannot resolve "${cwd}": HOME is not set`);
  const path = isAbsolute(expanded.path) ? expanded.path : join(ownDirectory, expanded.path);
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw refused(`mkdir ${path}: ${errorText(error)}`);
  }
  return path;
}

function refused(reason: string): Fault {
  return new Fault('internal', 'code.directory', reason);
}
