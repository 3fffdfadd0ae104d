import { renameSync, statSync } from 'node:fs';
import type { Clock, Fields, Logger } from '@opensandbox/base';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

/** The lowest level that is written, from the numbers of `--log-level`. */
export function levelFor(number: number): Level | undefined {
  if (number <= 2) return undefined;
  if (number === 3) return 'error';
  if (number === 4) return 'warn';
  return number <= 6 ? 'info' : 'debug';
}

/** Writes one line of JSON for each event that is at least of `level`; none at all without a level. */
export function jsonLogger(
  clock: Clock,
  level: Level | undefined,
  write: (line: string) => void,
  inherited: Fields = {},
): Logger {
  const lowest = level === undefined ? LEVELS.length : LEVELS.indexOf(level);
  const at = (own: Level): ((event: string, fields?: Fields) => void) => {
    if (LEVELS.indexOf(own) < lowest) return () => undefined;
    return (event, fields = {}) => {
      const time = new Date(clock.now()).toISOString();
      write(`${JSON.stringify({ level: own, time, event, ...inherited, ...readable(fields) })}\n`);
    };
  };
  return {
    child: (fields) => jsonLogger(clock, level, write, { ...inherited, ...fields }),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

function readable(fields: Fields): Fields {
  if (!Object.values(fields).some((value) => value instanceof Error)) return fields;
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    value instanceof Error ? value.message : value,
  ]);
  return Object.fromEntries(entries) as Fields;
}

const LARGEST_LOG_BYTES = 100 * 1024 * 1024;

/** Moves a log file aside when it has grown large; the one moved before it is given up. */
export function rotateWhenLarge(path: string): boolean {
  try {
    if (statSync(path).size < LARGEST_LOG_BYTES) return false;
    renameSync(path, `${path}.1`);
    return true;
  } catch {
    return false; // not there yet, or not ours to move
  }
}
