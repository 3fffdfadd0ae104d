import type { KeyNode } from './key-tree.ts';

const UNBOUNDED = Number.MAX_SAFE_INTEGER;
const WITH_ARTICLE: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a table',
  integer: 'a whole number',
  number: 'a number',
};

/** The kind of value of a key, in one or two words. */
export function typeText(node: KeyNode): string {
  if (node.enum !== undefined) return 'word';
  switch (node.type) {
    case 'integer':
      return 'whole number';
    case 'number':
      return 'number';
    case 'boolean':
      return 'true or false';
    case 'array':
      if (node.items?.type === 'object') return 'list of tables';
      return node.items?.type === 'integer' ? 'list of whole numbers' : 'list of texts';
    case 'object':
      return 'table';
    default:
      return 'text';
  }
}

/** What a value must satisfy, as it completes the sentence "it must be …"; empty when any value of the type will do. */
export function ruleText(node: KeyNode): string {
  if (node.rule !== undefined) return node.rule;
  if (node.enum !== undefined) return `one of ${node.enum.map((word) => JSON.stringify(word)).join(', ')}`;
  if (node.type === 'integer' || node.type === 'number') return rangeText(node);
  if (node.minItems !== undefined)
    return `at least ${node.minItems} entr${node.minItems === 1 ? 'y' : 'ies'}`;
  if (node.minLength === 1) return 'not empty';
  if (node.minLength !== undefined) return `at least ${node.minLength} characters`;
  return '';
}

function rangeText(node: KeyNode): string {
  const hasTop = node.maximum !== undefined && node.maximum < UNBOUNDED;
  if (node.minimum !== undefined && hasTop) return `${node.minimum} to ${node.maximum ?? ''}`;
  if (node.exclusiveMinimum !== undefined) return `more than ${node.exclusiveMinimum}`;
  if (node.minimum !== undefined && node.minimum > -UNBOUNDED) return `${node.minimum} or more`;
  return hasTop ? `at most ${node.maximum ?? ''}` : '';
}

/** The sentence for a value that breaks the rule of its key. Never quotes the value. */
export function demandText(node: KeyNode): string {
  const rule = ruleText(node);
  if (node.rule !== undefined || node.enum !== undefined) return `must be ${rule}`;
  const kind = WITH_ARTICLE[node.type ?? ''] ?? typeText(node);
  if (rule === '') return `must be ${kind}`;
  if (node.type === 'integer' || node.type === 'number') {
    return node.minimum !== undefined && rule.includes(' to ')
      ? `must be ${kind} from ${rule}`
      : `must be ${kind}, ${rule}`;
  }
  return node.type === 'array' ? `must be ${kind} with ${rule}` : `must be ${kind}, ${rule}`;
}
