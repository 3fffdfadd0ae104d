import type { z } from 'zod';
import type { Where, WireIssue } from './issue.ts';
import { redactInput } from './redact.ts';
import type { RuleBreak } from './rule.ts';
import { RULES, isRuleBreak } from './rule.ts';

type Segment = string | number;

/** A zod issue as the wire's issue: named by rule, placed as the client spelled it, with the value it sent. */
export function translate(issue: z.core.$ZodIssue, raw: unknown, where: Where): WireIssue {
  const place = locate(raw, issue.path);
  const broken = place.value === undefined ? RULES.missing() : toRule(issue, place.value);
  const input = broken.type === 'missing' ? place.parent : place.value;
  return {
    type: broken.type,
    loc: [where, ...place.loc],
    msg: broken.msg,
    input: redactInput(input, broken.type === 'missing' ? place.loc.slice(0, -1) : place.loc),
    ...(broken.ctx === undefined ? {} : { ctx: broken.ctx }),
  };
}

interface Place {
  readonly loc: readonly Segment[];
  readonly parent: unknown;
  readonly value: unknown;
}

/** Walks the raw value along a schema path, taking the snake_case spelling where only that was sent. */
function locate(raw: unknown, path: readonly PropertyKey[]): Place {
  const loc: Segment[] = [];
  let parent: unknown = undefined;
  let value = raw;
  for (const key of path) {
    parent = value;
    const segment = typeof key === 'number' ? key : spelling(value, String(key));
    loc.push(segment);
    value = member(value, segment);
  }
  return { loc, parent, value };
}

function spelling(value: unknown, name: string): string {
  if (typeof value !== 'object' || value === null || Object.hasOwn(value, name)) return name;
  const snake = toSnakeCase(name);
  return Object.hasOwn(value, snake) ? snake : name;
}

function member(value: unknown, segment: Segment): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
  return (value as Record<Segment, unknown>)[segment];
}

export function toSnakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function toRule(issue: z.core.$ZodIssue, value: unknown): RuleBreak {
  switch (issue.code) {
    case 'custom':
      return isRuleBreak(issue.params?.['rule']) ? issue.params['rule'] : RULES.valueError(issue.message);
    case 'invalid_type':
      return RULES.wrongType(issue.expected);
    case 'too_small':
      return RULES.tooSmall(issue.origin, Number(issue.minimum), value);
    case 'too_big':
      return RULES.tooBig(issue.origin, Number(issue.maximum), value);
    case 'invalid_format':
      return RULES.pattern(issue.pattern ?? '');
    case 'invalid_value':
      return RULES.literal(issue.values.map(String));
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
      return RULES.valueError(issue.message);
  }
}
