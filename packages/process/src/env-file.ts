import type { Environment } from './expand.ts';
import { expandVariables } from './expand.ts';

/**
 * Reads a file of `KEY=VALUE` lines. Lines are trimmed; empty ones and comments are skipped, lines without
 * `=` are handed to `onMalformed`. Quotes are not special. `$NAME` in a value takes its value from
 * `environment` alone, never from an earlier line.
 */
export function parseEnvFile(
  text: string,
  environment: Environment,
  onMalformed: (lineNumber: number) => void,
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    if (equals < 1) {
      onMalformed(index + 1);
      continue;
    }
    values[line.slice(0, equals).trim()] = expandVariables(line.slice(equals + 1).trim(), environment);
  }
  return values;
}
