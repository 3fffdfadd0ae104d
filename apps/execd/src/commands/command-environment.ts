import { readFileSync } from 'node:fs';
import type { Logger } from '@opensandbox/base';
import type { Environment } from '@opensandbox/process';
import { expandPath, parseEnvFile } from '@opensandbox/process';

/**
 * The environment of one command: the agent's, then the file named by EXECD_ENVS (read anew for each
 * command, because programs append to it), then what the request brings.
 */
export function commandEnvironment(
  own: Environment,
  requested: Readonly<Record<string, string>>,
  log: Logger,
): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) if (value !== undefined) merged[name] = value;
  return Object.assign(merged, envFileValues(own, log), requested);
}

function envFileValues(own: Environment, log: Logger): Record<string, string> {
  const named = own['EXECD_ENVS'];
  if (named === undefined || named === '') return {};
  const expanded = expandPath(named, own);
  if (!('path' in expanded)) return {};
  let text: string;
  try {
    text = readFileSync(expanded.path, 'utf8');
  } catch {
    return {}; // absent or unreadable: as if it were empty
  }
  return parseEnvFile(text, own, (line) =>
    log.warn('env_file.malformed_line', { path: expanded.path, line }),
  );
}
