/**
 * A compiled pattern: a graph in which every node knows what follows it, so that `!(…)` can negate "this and
 * the rest of the pattern" and alternatives share their continuation instead of being multiplied out.
 */
export type GlobNode =
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'literal'; readonly id: number; readonly text: string; readonly next: GlobNode }
  | { readonly kind: 'one'; readonly id: number; readonly next: GlobNode }
  | { readonly kind: 'class'; readonly id: number; readonly set: CharSet; readonly next: GlobNode }
  /** Any run without `/`. */
  | { readonly kind: 'run'; readonly id: number; readonly next: GlobNode }
  /** `**` at the end: anything at all. */
  | { readonly kind: 'rest'; readonly id: number; readonly next: GlobNode }
  /** `**` followed by a slash: any number of whole path segments, none included. */
  | { readonly kind: 'segments'; readonly id: number; readonly next: GlobNode }
  | { readonly kind: 'either'; readonly id: number; readonly branches: readonly GlobNode[] }
  | { readonly kind: 'not'; readonly id: number; readonly inner: GlobNode };

export interface CharSet {
  readonly negated: boolean;
  /** Inclusive code point ranges. */
  readonly ranges: readonly (readonly [number, number])[];
}

export function inCharSet(set: CharSet, codePoint: number): boolean {
  const inside = set.ranges.some(([low, high]) => codePoint >= low && codePoint <= high);
  return inside !== set.negated;
}
