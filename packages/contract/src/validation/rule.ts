/** A broken rule in the wire's words. */
export interface RuleBreak {
  readonly type: string;
  readonly msg: string;
  readonly ctx?: Readonly<Record<string, unknown>>;
}

const TYPES: Readonly<Record<string, RuleBreak>> = {
  string: { type: 'string_type', msg: 'Input should be a valid string' },
  array: { type: 'list_type', msg: 'Input should be a valid list' },
  record: { type: 'dict_type', msg: 'Input should be a valid dictionary' },
  object: {
    type: 'model_attributes_type',
    msg: 'Input should be a valid dictionary or object to extract fields from',
  },
};

function characters(count: number): string {
  return count === 1 ? '1 character' : `${count} characters`;
}

function items(count: number): string {
  return count === 1 ? '1 item' : `${count} items`;
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

/** Every rule the wire knows by name. */
export const RULES = {
  missing: (): RuleBreak => ({ type: 'missing', msg: 'Field required' }),

  wrongType: (expected: string): RuleBreak =>
    TYPES[expected] ?? { type: `${expected}_type`, msg: `Input should be a valid ${expected}` },

  unicode: (): RuleBreak => ({
    type: 'string_unicode',
    msg: 'Input should be a valid string, unable to parse raw data as a unicode string',
  }),

  integer: (type: 'int_type' | 'int_parsing' | 'int_from_float' | 'finite_number'): RuleBreak => {
    if (type === 'finite_number') return { type, msg: 'Input should be a finite number' };
    const why = {
      int_type: '',
      int_parsing: ', unable to parse string as an integer',
      int_from_float: ', got a number with a fractional part',
    };
    return { type, msg: `Input should be a valid integer${why[type]}` };
  },

  boolean: (type: 'bool_type' | 'bool_parsing'): RuleBreak => ({
    type,
    msg: `Input should be a valid boolean${type === 'bool_parsing' ? ', unable to interpret input' : ''}`,
  }),

  dateTime: (type: string, why: string): RuleBreak => {
    if (type === 'datetime_type') return { type, msg: 'Input should be a valid datetime' };
    const what = type === 'datetime_from_date_parsing' ? 'datetime or date' : 'datetime';
    return { type, msg: `Input should be a valid ${what}, ${why}`, ctx: { error: why } };
  },

  atLeast: (ge: number): RuleBreak => ({
    type: 'greater_than_equal',
    msg: `Input should be greater than or equal to ${ge}`,
    ctx: { ge },
  }),

  atMost: (le: number): RuleBreak => ({
    type: 'less_than_equal',
    msg: `Input should be less than or equal to ${le}`,
    ctx: { le },
  }),

  tooSmall: (origin: string, minimum: number, value: unknown): RuleBreak => {
    if (origin === 'string') {
      const msg = `String should have at least ${characters(minimum)}`;
      return { type: 'string_too_short', msg, ctx: { min_length: minimum } };
    }
    const actual = lengthOf(value);
    return {
      type: 'too_short',
      msg: `List should have at least ${items(minimum)} after validation, not ${actual}`,
      ctx: { field_type: 'List', min_length: minimum, actual_length: actual },
    };
  },

  tooBig: (origin: string, maximum: number, value: unknown): RuleBreak => {
    if (origin === 'string') {
      const msg = `String should have at most ${characters(maximum)}`;
      return { type: 'string_too_long', msg, ctx: { max_length: maximum } };
    }
    const actual = lengthOf(value);
    return {
      type: 'too_long',
      msg: `List should have at most ${items(maximum)} after validation, not ${actual}`,
      ctx: { field_type: 'List', max_length: maximum, actual_length: actual },
    };
  },

  /** `source` is a printed regular expression, with or without its slashes. */
  pattern: (source: string): RuleBreak => {
    const pattern = /^\/(.*)\/[a-z]*$/.exec(source)?.[1]?.replaceAll('\\/', '/') ?? source;
    return {
      type: 'string_pattern_mismatch',
      msg: `String should match pattern '${pattern}'`,
      ctx: { pattern },
    };
  },

  literal: (values: readonly string[]): RuleBreak => {
    const quoted = values.map((value) => `'${value}'`);
    const expected =
      quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1) ?? ''}`;
    return { type: 'literal_error', msg: `Input should be ${expected}`, ctx: { expected } };
  },

  valueError: (text: string): RuleBreak => ({
    type: 'value_error',
    msg: `Value error, ${text}`,
    ctx: { error: {} },
  }),
} as const;

export function isRuleBreak(value: unknown): value is RuleBreak {
  return typeof value === 'object' && value !== null && 'type' in value && 'msg' in value;
}
