import { z } from 'zod';
import type { Instant } from '../timestamp.ts';
import type { Coerced } from './coerce.ts';
import { coerceBoolean, coerceDateTime, coerceInteger } from './coerce.ts';
import { RULES } from './rule.ts';
import { toSnakeCase } from './translate.ts';

/**
 * The building blocks of wire schemas. They differ from plain zod where the wire is laxer (numbers as text,
 * snake_case members, `null` for absent) and carry the wire's rule names. OpenAPI is generated from them, so
 * each describes its JSON form in `meta`.
 */

interface TextRules {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
}

/** A string: nothing else is taken for one. Rules are tried in order and the first broken one is told. */
export function text(rules: TextRules = {}): z.ZodString {
  let schema = z.string().refine(isWellFormed, { params: { rule: RULES.unicode() }, abort: true });
  if (rules.min !== undefined) schema = schema.min(rules.min, { abort: true });
  if (rules.max !== undefined) schema = schema.max(rules.max, { abort: true });
  if (rules.pattern !== undefined) schema = schema.regex(rules.pattern, { abort: true });
  return schema;
}

function isWellFormed(value: string): boolean {
  return !/\p{Surrogate}/u.test(value);
}

interface IntegerRules {
  readonly min?: number;
  readonly max?: number;
}

/** An integer of any size; a text, a boolean or a float without fraction is taken for one. */
export function integer(rules: IntegerRules = {}) {
  const coerce = (value: unknown): Coerced<number | bigint> => {
    const result = coerceInteger(value);
    if (!result.ok) return result;
    if (rules.min !== undefined && result.value < rules.min) {
      return { ok: false, rule: RULES.atLeast(rules.min) };
    }
    if (rules.max !== undefined && result.value > rules.max) {
      return { ok: false, rule: RULES.atMost(rules.max) };
    }
    return result;
  };
  return scalar(coerce).meta({
    type: 'integer',
    ...(rules.min === undefined ? {} : { minimum: rules.min }),
    ...(rules.max === undefined ? {} : { maximum: rules.max }),
  });
}

export function boolean() {
  return scalar(coerceBoolean).meta({ type: 'boolean' });
}

export function dateTime() {
  return scalar<Instant>(coerceDateTime).meta({ type: 'string', format: 'date-time' });
}

function scalar<T>(coerce: (value: unknown) => Coerced<T>) {
  return z.unknown().transform((value, context): T => {
    const result = coerce(value);
    if (result.ok) return result.value;
    context.issues.push({ code: 'custom', input: value, params: { rule: result.rule } });
    return z.NEVER;
  });
}

export function textMap() {
  return z.record(text(), text());
}

/** Takes `null` for absent; inside, absence is `undefined`. */
export function nullable<S extends z.ZodType>(schema: S) {
  return schema
    .nullish()
    .transform((value): Exclude<z.output<S>, null> | undefined =>
      value === null || value === undefined ? undefined : (value as Exclude<z.output<S>, null>),
    );
}

/** An object whose members may also be spelled in snake_case. Unknown members are dropped. */
export function wireObject<S extends z.core.$ZodLooseShape>(shape: S) {
  const aliases = Object.keys(shape)
    .map((name) => ({ name, alias: toSnakeCase(name) }))
    .filter(({ name, alias }) => name !== alias);
  return z.preprocess((value) => rename(value, aliases), z.object(shape));
}

function rename(
  value: unknown,
  aliases: readonly { readonly name: string; readonly alias: string }[],
): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const renamed: Record<string, unknown> = { ...value };
  for (const { name, alias } of aliases) {
    if (Object.hasOwn(value, alias) && !Object.hasOwn(value, name)) renamed[name] = renamed[alias];
  }
  return renamed;
}

/** Query parameters. Of a repeated scalar the last counts; names in `lists` collect every value. */
export function queryObject<S extends z.core.$ZodLooseShape>(shape: S, lists: readonly string[] = []) {
  return z.preprocess((value) => settle(value, lists), z.object(shape));
}

function settle(value: unknown, lists: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, given]: [string, unknown]) => {
    const values: readonly unknown[] = Array.isArray(given) ? given : [given];
    return [name, lists.includes(name) ? values : values.at(-1)] as const;
  });
  return Object.fromEntries(entries);
}

/** A rule over a whole object: tried only when its members are fine, and only until the first one breaks. */
export function whenClean(message: string) {
  return {
    message,
    params: { rule: RULES.valueError(message) },
    when: (payload: z.core.ParsePayload): boolean => payload.issues.length === 0,
  };
}
