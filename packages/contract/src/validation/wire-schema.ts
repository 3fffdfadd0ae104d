import type { z } from 'zod';
import type { Where, WireIssue } from './issue.ts';
import { refuse } from './issue.ts';
import { translate } from './translate.ts';

export type Checked<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly issues: readonly WireIssue[] };

/** Tells whether a value has the shape that a request must have, and what it means. */
export interface WireSchema<T> {
  check(value: unknown, where: Where): Checked<T>;
}

export function wireSchema<T>(schema: z.ZodType<T>): WireSchema<T> {
  return {
    check(value, where) {
      const given = value === null ? undefined : value; // a body that is `null` counts as no body
      const result = schema.safeParse(given);
      if (result.success) return { ok: true, value: result.data };
      return { ok: false, issues: result.error.issues.map((issue) => translate(issue, given, where)) };
    },
  };
}

/** The value in the schema's terms, or a Fault `request.invalid` with every issue. */
export function validate<T>(schema: WireSchema<T>, value: unknown, where: Where): T {
  const result = schema.check(value, where);
  return result.ok ? result.value : refuse(result.issues);
}
