import { isTable } from './key-tree.ts';
import type { KeyNode } from './key-tree.ts';

/** Keys of other versions, and what to write instead. */
const MOVED: Readonly<Record<string, string>> = {
  'server.log_level': 'write log.level instead',
  'runtime.egress_image': 'write egress.image instead',
};

export interface UnknownKey {
  readonly path: string;
  readonly hint: string | undefined;
}

/** Every key of the document that no section knows, once. An unknown table is named, not its contents. */
export function unknownKeys(document: unknown, node: KeyNode, parents: readonly string[] = []): UnknownKey[] {
  if (Array.isArray(document)) return unknownInList(document, node.items, parents);
  if (!isTable(document) || node.properties === undefined) return [];
  return Object.entries(document).flatMap(([key, value]) => {
    const path = [...parents, key];
    const child = node.properties?.[key];
    if (child !== undefined) return unknownKeys(value, child, path);
    const text = path.join('.');
    return [{ path: text, hint: MOVED[text] ?? nearKey(key, Object.keys(node.properties ?? {})) }];
  });
}

function unknownInList(
  list: readonly unknown[],
  node: KeyNode | undefined,
  parents: readonly string[],
): UnknownKey[] {
  if (node === undefined) return [];
  const found = list.flatMap((item) => unknownKeys(item, node, parents));
  return found.filter((key, at) => found.findIndex((other) => other.path === key.path) === at);
}

function nearKey(key: string, known: readonly string[]): string | undefined {
  const near = known.find((candidate) => editDistance(key.toLowerCase(), candidate) <= 2);
  return near === undefined ? undefined : `did you mean ${near}?`;
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
