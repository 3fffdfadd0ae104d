import type { Turns } from './turns.ts';

const RUN_NAMES = 4096;
const SURROGATE = /[\uD800-\uDFFF]/;

/** In the order of their bytes. Sorts piece by piece and merges, so that no directory is too large for one turn. */
export async function sortNames(names: readonly string[], turns: Turns): Promise<readonly string[]> {
  const isPlain = !names.some((name) => SURROGATE.test(name));
  const isBefore = isPlain ? (a: string, b: string) => a < b : (a: string, b: string) => byteOrder(a, b) < 0;
  let runs: (readonly string[])[] = [];
  for (let start = 0; start < names.length; start += RUN_NAMES) {
    const run = names.slice(start, start + RUN_NAMES);
    runs.push(isPlain ? run.sort() : run.sort(byteOrder));
    await turns.over();
  }
  while (runs.length > 1) {
    const merged: (readonly string[])[] = [];
    for (let at = 0; at < runs.length; at += 2) {
      merged.push(await merge([runs[at] ?? [], runs[at + 1] ?? []], isBefore, turns));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

const MERGED_PER_LOOK = 1024;

async function merge(
  [left, right]: readonly [readonly string[], readonly string[]],
  isBefore: (a: string, b: string) => boolean,
  turns: Turns,
): Promise<readonly string[]> {
  if (right.length === 0) return left;
  const merged: string[] = [];
  let l = 0;
  let r = 0;
  for (;;) {
    const a = left[l];
    const b = right[r];
    if (a === undefined || b === undefined) break;
    if (isBefore(b, a)) {
      merged.push(b);
      r += 1;
    } else {
      merged.push(a);
      l += 1;
    }
    if (merged.length % MERGED_PER_LOOK === 0) await turns.over();
  }
  return merged.concat(left.slice(l), right.slice(r));
}

/** UTF-16 order is byte order except that surrogates, which stand for the last planes, come before U+E000. */
export function byteOrder(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}
