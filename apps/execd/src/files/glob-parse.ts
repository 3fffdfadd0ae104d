import type { CharSet, GlobNode } from './glob-nodes.ts';

/** Syntax of one pattern, before the nodes are chained. */
type Item =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'one' | 'run' | 'rest' | 'segments' | 'tail' }
  | { readonly kind: 'class'; readonly set: CharSet }
  | { readonly kind: 'either'; readonly branches: readonly (readonly Item[])[] }
  | { readonly kind: 'not'; readonly inner: readonly Item[] };

/** Several times the longest file name; bounds the matcher's memory and recursion. */
const LONGEST_PATTERN = 1024;

export class BadGlob extends Error {}

export interface ParsedGlob {
  readonly start: GlobNode;
  readonly nodeCount: number;
}

/** Throws BadGlob with the reason when the pattern is not well formed. */
export function parseGlob(pattern: string): ParsedGlob {
  if (pattern.length > LONGEST_PATTERN) throw new BadGlob(`longer than ${LONGEST_PATTERN} characters`);
  const items = new GlobReader(pattern).readAll();
  let nodeCount = 0;
  const start = chain(items, { kind: 'end', id: nodeCount++ }, () => nodeCount++);
  return { start, nodeCount };
}

function chain(items: readonly Item[], end: GlobNode, nextId: () => number): GlobNode {
  let next = end;
  for (const item of items.toReversed()) next = toNode(item, next, nextId);
  return next;
}

function toNode(item: Item, next: GlobNode, nextId: () => number): GlobNode {
  switch (item.kind) {
    case 'literal':
      return { kind: 'literal', id: nextId(), text: item.text, next };
    case 'class':
      return { kind: 'class', id: nextId(), set: item.set, next };
    case 'either':
      return {
        kind: 'either',
        id: nextId(),
        branches: item.branches.map((branch) => chain(branch, next, nextId)),
      };
    case 'not':
      return { kind: 'not', id: nextId(), inner: chain(item.inner, next, nextId) };
    case 'tail': {
      // `a/**` also matches `a`: the slash is as optional as what follows it.
      const rest: GlobNode = { kind: 'rest', id: nextId(), next };
      const slash: GlobNode = { kind: 'literal', id: nextId(), text: '/', next: rest };
      return { kind: 'either', id: nextId(), branches: [slash, next] };
    }
    case 'one':
    case 'run':
    case 'rest':
    case 'segments':
      return { kind: item.kind, id: nextId(), next };
  }
}

/** What ends the part of a pattern that is being read. */
type Until = 'end' | 'brace' | 'paren';

class GlobReader {
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  readAll(): Item[] {
    return this.#readItems('end', true);
  }

  #readItems(until: Until, startsSegment: boolean): Item[] {
    const items: Item[] = [];
    let segmentStart = startsSegment;
    while (!this.#atEndOf(until)) {
      const item = this.#readItem(segmentStart);
      items.push(item);
      segmentStart = item.kind === 'segments' || (item.kind === 'literal' && item.text === '/');
    }
    return items;
  }

  #atEndOf(until: Until): boolean {
    if (this.#at >= this.#pattern.length) return true;
    const char = this.#peek();
    if (until === 'brace') return char === ',' || char === '}';
    return until === 'paren' && char === ')';
  }

  #peek(ahead = 0): string {
    return this.#pattern.charAt(this.#at + ahead);
  }

  #readItem(segmentStart: boolean): Item {
    const char = this.#takeChar();
    if (char === '*') return this.#readStars(segmentStart);
    if (char === '?') return { kind: 'one' };
    if (char === '[') return { kind: 'class', set: this.#readClass() };
    if (char === '{') return this.#readAlternatives(segmentStart);
    if (char === '!') return this.#readNegation(segmentStart);
    if (char === '\\') return { kind: 'literal', text: this.#takeEscaped() };
    if (char === '/' && this.#tailFollows()) {
      this.#at += 2;
      return { kind: 'tail' };
    }
    return { kind: 'literal', text: char };
  }

  #tailFollows(): boolean {
    return this.#pattern.startsWith('**', this.#at) && this.#branchEnds(2);
  }

  /** Whether the pattern, or the alternative being read, ends `ahead` characters from here. */
  #branchEnds(ahead: number): boolean {
    return ['', '}', ',', ')'].includes(this.#peek(ahead));
  }

  /** One code point. */
  #takeChar(): string {
    const codePoint = this.#pattern.codePointAt(this.#at) ?? 0;
    const char = String.fromCodePoint(codePoint);
    this.#at += char.length;
    return char;
  }

  #takeEscaped(): string {
    if (this.#at >= this.#pattern.length) throw new BadGlob('nothing follows the last backslash');
    return this.#takeChar();
  }

  #readStars(segmentStart: boolean): Item {
    let count = 1;
    while (this.#peek() === '*') {
      this.#at += 1;
      count += 1;
    }
    if (count !== 2 || !segmentStart) return { kind: 'run' };
    if (this.#peek() === '/') {
      this.#at += 1;
      return { kind: 'segments' };
    }
    return this.#branchEnds(0) ? { kind: 'rest' } : { kind: 'run' };
  }

  #readAlternatives(segmentStart: boolean): Item {
    const branches: Item[][] = [];
    for (;;) {
      branches.push(this.#readItems('brace', segmentStart));
      if (this.#at >= this.#pattern.length) throw new BadGlob('a { is not closed');
      if (this.#takeChar() === '}') return { kind: 'either', branches };
    }
  }

  #readNegation(segmentStart: boolean): Item {
    if (this.#peek() !== '(') throw new BadGlob('! must be followed by (');
    this.#at += 1;
    const inner = this.#readItems('paren', segmentStart);
    if (this.#at >= this.#pattern.length) throw new BadGlob('a !( is not closed');
    this.#at += 1;
    return { kind: 'not', inner };
  }

  #readClass(): CharSet {
    const negated = this.#peek() === '^' || this.#peek() === '!';
    if (negated) this.#at += 1;
    if (this.#peek() === ']') throw new BadGlob('a [ ] is empty');
    const ranges: (readonly [number, number])[] = [];
    for (;;) {
      if (this.#at >= this.#pattern.length) throw new BadGlob('a [ is not closed');
      if (this.#peek() === ']') break;
      const low = this.#takeClassChar();
      // A dash in front of the closing bracket stands for itself.
      const isRange = this.#peek() === '-' && this.#peek(1) !== ']' && this.#peek(1) !== '';
      if (isRange) this.#at += 1;
      ranges.push([low, isRange ? this.#takeClassChar() : low]);
    }
    this.#at += 1;
    return { negated, ranges };
  }

  #takeClassChar(): number {
    const char = this.#takeChar();
    return (char === '\\' ? this.#takeEscaped() : char).codePointAt(0) ?? 0;
  }
}
