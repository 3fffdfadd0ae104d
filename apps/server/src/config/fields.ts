import { Secret } from '@opensandbox/base';
import { z } from 'zod';

/** `sandbox_timeout` → `sandboxTimeout`: TOML keys are snake_case, the program's are camelCase. */
type CamelCase<Key extends string> = Key extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Key;
export type CamelKeys<T> = { readonly [Key in keyof T as CamelCase<Key & string>]: T[Key] };

/**
 * One table of the configuration file. Keys are declared as they are written in TOML and read in camelCase.
 * Every key carries `.describe()`; the reference page and the skeleton are made from it.
 */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.object(shape).transform((table) => camelKeys(table));
}

function camelKeys<T extends object>(table: T): CamelKeys<T> {
  const entries = Object.entries(table).map(([key, value]) => [
    key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    value as unknown,
  ]);
  return Object.fromEntries(entries) as CamelKeys<T>;
}

/** Text that may be left out; blank counts as left out. */
export function optionalText() {
  return z
    .string()
    .transform((text) => (text.trim() === '' ? undefined : text))
    .optional();
}

/** Text that is never printed. */
export function secretText() {
  return z
    .string()
    .transform((text) => new Secret(text))
    .meta({ secret: true });
}

export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER) {
  return z.int().min(min).max(max);
}
