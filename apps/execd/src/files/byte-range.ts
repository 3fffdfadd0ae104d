export type RangeAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  /** Not a range at all. */
  | { readonly kind: 'malformed' }
  /** A well-formed range of which the file has no byte. */
  | { readonly kind: 'unsatisfiable' };

/** What a `Range` header asks of `size` bytes. Of a list, the first part that the file has is served. */
export function parseRange(header: string | null, size: number): RangeAnswer {
  if (header === null || header.trim() === '') return { kind: 'whole' };
  const list = /^\s*bytes=(.*)$/.exec(header)?.[1];
  if (list === undefined) return { kind: 'malformed' };
  const specs = list
    .split(',')
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '');
  if (specs.length === 0) return { kind: 'malformed' };
  const answers = specs.map((spec) => parseSpec(spec, size));
  if (answers.some((answer) => answer.kind === 'malformed')) return { kind: 'malformed' };
  // An empty file has no byte to give and nothing to lose: it is served whole.
  if (size === 0) return { kind: 'whole' };
  return answers.find((answer) => answer.kind === 'part') ?? { kind: 'unsatisfiable' };
}

function parseSpec(spec: string, size: number): RangeAnswer {
  const [, from, to] = /^(\d*)\s*-\s*(\d*)$/.exec(spec) ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return { kind: 'malformed' };
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Number(to);
  if (from !== '' && to !== '' && last < first) return { kind: 'malformed' };
  if (first >= size) return { kind: 'unsatisfiable' };
  return { kind: 'part', first, last: Math.min(last, size - 1) };
}
