import { inCharSet } from './glob-nodes.ts';
import type { GlobNode } from './glob-nodes.ts';
import { parseGlob } from './glob-parse.ts';

export { BadGlob } from './glob-parse.ts';

export type GlobMatcher = (path: string) => boolean;

type Stretching = Extract<GlobNode, { kind: 'run' | 'rest' | 'segments' }>;

const SLASH = 47;
const UNKNOWN = 0;
const NO = 1;
const YES = 2;

/**
 * A matcher for one pattern; throws BadGlob when the pattern is not well formed. Time and memory grow with
 * pattern length times path length, whatever the pattern: each pair of node and position is decided once.
 */
export function compileGlob(pattern: string): GlobMatcher {
  const { start, nodeCount } = parseGlob(pattern);
  return (path) => new Matching(path, nodeCount).matches(start, 0);
}

class Matching {
  readonly #path: string;
  readonly #width: number;
  readonly #known: Uint8Array;

  constructor(path: string, nodeCount: number) {
    this.#path = path;
    this.#width = path.length + 1;
    this.#known = new Uint8Array(nodeCount * this.#width);
  }

  matches(node: GlobNode, at: number): boolean {
    const slot = node.id * this.#width + at;
    const known = this.#known[slot] ?? UNKNOWN;
    if (known !== UNKNOWN) return known === YES;
    const result = this.#decide(node, at);
    this.#known[slot] = result ? YES : NO;
    return result;
  }

  #decide(node: GlobNode, at: number): boolean {
    switch (node.kind) {
      case 'end':
        return at === this.#path.length;
      case 'literal':
        return this.#path.startsWith(node.text, at) && this.matches(node.next, at + node.text.length);
      case 'one':
      case 'class':
        return this.#decideOne(node, at);
      case 'run':
      case 'rest':
      case 'segments':
        return this.#decideStretch(node, at);
      case 'either':
        return node.branches.some((branch) => this.matches(branch, at));
      case 'not':
        return !this.matches(node.inner, at);
    }
  }

  #decideOne(node: Extract<GlobNode, { kind: 'one' | 'class' }>, at: number): boolean {
    const codePoint = this.#path.codePointAt(at);
    if (codePoint === undefined || codePoint === SLASH) return false;
    if (node.kind === 'class' && !inCharSet(node.set, codePoint)) return false;
    return this.matches(node.next, at + (codePoint > 0xffff ? 2 : 1));
  }

  /**
   * Tries what follows at every place the wildcard may stretch to. The answer holds for all starts on the
   * way too; noting it there keeps a chain of wildcards from walking the same path again and again.
   */
  #decideStretch(node: Stretching, at: number): boolean {
    const tried: number[] = [];
    let found = false;
    for (let end = at; end >= 0 && !found; end = this.#stretch(node.kind, end)) {
      const known = end === at ? UNKNOWN : this.#known[node.id * this.#width + end];
      if (known === NO) break;
      found = known === YES || this.matches(node.next, end);
      tried.push(end);
    }
    for (const start of tried) this.#known[node.id * this.#width + start] = found ? YES : NO;
    return found;
  }

  /** The next place a wildcard may reach from `end`, or -1. */
  #stretch(kind: Stretching['kind'], end: number): number {
    if (kind === 'segments') {
      const slash = this.#path.indexOf('/', end);
      return slash < 0 ? -1 : slash + 1;
    }
    const stops = end === this.#path.length || (kind === 'run' && this.#path.charCodeAt(end) === SLASH);
    return stops ? -1 : end + 1;
  }
}
