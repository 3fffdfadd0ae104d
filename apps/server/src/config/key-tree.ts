import { z } from 'zod';

/** What the file may say at one place, read off a schema: the JSON Schema words that sections use. */
export interface KeyNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, KeyNode>>;
  readonly required?: readonly string[];
  readonly items?: KeyNode;
  readonly additionalProperties?: KeyNode;
  /** Replaces the rule that is derived from the words above. */
  readonly rule?: string;
  /** The value in force when none is given and the schema has no default. */
  readonly effective?: string;
  readonly secret?: boolean;
}

/** A key that is preprocessed takes anything and has no default, says JSON Schema; we want what it must become. */
export function keyTree(schema: z.ZodType): KeyNode {
  const tree = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema instanceof z.ZodDefault || zodSchema instanceof z.ZodPrefault) {
        Object.assign(jsonSchema, { default: zodSchema.def.defaultValue });
      }
      if (!(zodSchema instanceof z.ZodPipe) || !(zodSchema.def.in instanceof z.ZodTransform)) return;
      Object.assign(jsonSchema, keyTree(zodSchema.def.out as z.ZodType));
    },
  });
  return tree as KeyNode;
}

/** The node at a path of keys and list positions; `undefined` where the tree says nothing. */
export function nodeAt(tree: KeyNode, path: readonly PropertyKey[]): KeyNode | undefined {
  let node: KeyNode | undefined = tree;
  for (const step of path) {
    node =
      typeof step === 'number'
        ? node?.items
        : (node?.properties?.[String(step)] ?? node?.additionalProperties);
  }
  return node;
}

export function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  let value = document;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
