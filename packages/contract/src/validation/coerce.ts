import type { Instant } from '../timestamp.ts';
import { fromUnix, isProblem, parseTimestamp } from '../timestamp.ts';
import type { RuleBreak } from './rule.ts';
import { RULES } from './rule.ts';

export type Coerced<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly rule: RuleBreak };

const INTEGER_TEXT = /^\s*([+-]?)(\d+(?:_\d+)*)(?:\.0+)?\s*$/;
const MAX_DIGITS = 4300;
const TRUE_WORDS = new Set(['1', 'true', 't', 'yes', 'y', 'on']);
const FALSE_WORDS = new Set(['0', 'false', 'f', 'no', 'n', 'off']);

/** An integer of any size from a number, a boolean or a decimal text; exact as bigint beyond 2^53. */
export function coerceInteger(value: unknown): Coerced<number | bigint> {
  if (typeof value === 'bigint') return accept(value);
  if (typeof value === 'boolean') return accept(value ? 1 : 0);
  if (typeof value === 'string') return integerFromText(value);
  if (typeof value !== 'number') return reject(RULES.integer('int_type'));
  if (!Number.isFinite(value)) return reject(RULES.integer('finite_number'));
  if (!Number.isInteger(value)) return reject(RULES.integer('int_from_float'));
  return accept(Number.isSafeInteger(value) ? value : BigInt(value));
}

function integerFromText(text: string): Coerced<number | bigint> {
  const match = INTEGER_TEXT.exec(text);
  const digits = match?.[2]?.replaceAll('_', '');
  if (digits === undefined || digits.length > MAX_DIGITS) return reject(RULES.integer('int_parsing'));
  const exact = match?.[1] === '-' ? -BigInt(digits) : BigInt(digits);
  const value = Number(exact);
  return accept(Number.isSafeInteger(value) ? value : exact);
}

export function coerceBoolean(value: unknown): Coerced<boolean> {
  if (typeof value === 'boolean') return accept(value);
  if (typeof value === 'string') {
    const word = value.toLowerCase();
    if (TRUE_WORDS.has(word)) return accept(true);
    return FALSE_WORDS.has(word) ? accept(false) : reject(RULES.boolean('bool_parsing'));
  }
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (value === 1 || value === 0) return accept(value === 1);
    const isFraction = typeof value === 'number' && !Number.isInteger(value);
    return reject(RULES.boolean(isFraction ? 'bool_type' : 'bool_parsing'));
  }
  return reject(RULES.boolean('bool_type'));
}

/** A moment from a date-time text or a Unix time. A text without offset is UTC. */
export function coerceDateTime(value: unknown): Coerced<Instant> {
  const result =
    typeof value === 'string'
      ? parseTimestamp(value)
      : typeof value === 'number' || typeof value === 'bigint'
        ? fromUnix(Number(value))
        : undefined;
  if (result === undefined) return reject(RULES.dateTime('datetime_type', ''));
  return isProblem(result) ? reject(RULES.dateTime(result.kind, result.why)) : accept(result);
}

function accept<T>(value: T): Coerced<T> {
  return { ok: true, value };
}

function reject(rule: RuleBreak): Coerced<never> {
  return { ok: false, rule };
}
