import { z } from 'zod';

const INTEGER_TEXT = /^\s*[+-]?\d+(?:_\d+)*(?:\.0*)?\s*$/;
const TRUE_WORDS = new Set(['1', 'true', 't', 'yes', 'y', 'on']);
const FALSE_WORDS = new Set(['0', 'false', 'f', 'no', 'n', 'off']);

function readInteger(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' && INTEGER_TEXT.test(value)) return Number(value.trim().replaceAll('_', ''));
  return value;
}

function readBoolean(value: unknown): unknown {
  const word =
    typeof value === 'number' || typeof value === 'string' ? String(value).toLowerCase() : undefined;
  if (word === undefined) return value;
  if (TRUE_WORDS.has(word)) return true;
  return FALSE_WORDS.has(word) ? false : value;
}

/** An integer as configuration files write it: `9000`, `"9000"`, `9_000`, `9000.0`. */
export function laxInteger<T extends z.ZodType<number>>(schema: T) {
  return z.preprocess(readInteger, schema);
}

/** A boolean as configuration files write it: `true`, `"yes"`, `0`. */
export function laxBoolean() {
  return z.preprocess(readBoolean, z.boolean());
}
