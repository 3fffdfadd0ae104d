import { isTable } from './key-tree.ts';
import type { KeyNode } from './key-tree.ts';

const WHOLE = /^\s*[+-]?\d+(?:_\d+)*(?:\.0+)?\s*$/;
const TRUE = new Set(['1', 'true', 't', 'yes', 'y', 'on']);
const FALSE = new Set(['0', 'false', 'f', 'no', 'n', 'off']);

/**
 * Turns scalars into the type the schema wants where the meaning is plain (`port = "9000"`). What cannot be
 * turned stays as it is, so that the schema reports it.
 */
export function coerce(value: unknown, node: KeyNode | undefined): unknown {
  if (node === undefined) return value;
  if (node.type === 'integer') return coerceWhole(value);
  if (node.type === 'number') return typeof value === 'string' ? coerceNumber(value) : coerceWhole(value);
  if (node.type === 'boolean') return coerceBoolean(value);
  if (Array.isArray(value)) return value.map((item) => coerce(item, node.items));
  if (!isTable(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      coerce(item, node.properties?.[key] ?? node.additionalProperties),
    ]),
  );
}

function coerceWhole(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'string' && WHOLE.test(value)) return Number(value.replaceAll('_', '').trim());
  return value;
}

function coerceNumber(text: string): unknown {
  const plain = text.trim().replaceAll('_', '');
  return /^[+-]?\d+(\.\d+)?$/.test(plain) ? Number(plain) : text;
}

function coerceBoolean(value: unknown): unknown {
  if (value === 1 || value === 0) return value === 1;
  if (typeof value !== 'string') return value;
  const word = value.toLowerCase();
  if (TRUE.has(word)) return true;
  return FALSE.has(word) ? false : value;
}
