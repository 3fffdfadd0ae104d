import { setImmediate as nextTurn } from 'node:timers/promises';
import { readEntries } from './read-entries.ts';
import type { Entry } from './read-entries.ts';
import { failedWith } from './system-errors.ts';

/** So many entries without an operation that waits, then others get a turn. */
const ENTRIES_PER_TURN = 2000;

/**
 * Everything below `root` in lexical order, each directory followed by what is in it. Never follows symbolic
 * links. A directory that vanishes on the way counts as empty; one that cannot be read fails the walk.
 */
export async function* walk(root: string, depth: number, signal: AbortSignal): AsyncGenerator<Entry> {
  if (depth < 1) return;
  const levels = [(await readEntries(root)).values()];
  for (let seen = 1; levels.length > 0; seen += 1) {
    const next = levels.at(-1)?.next();
    if (next === undefined || next.done === true) {
      levels.pop();
      continue;
    }
    yield next.value;
    if (next.value.isDirectory && levels.length < depth) {
      signal.throwIfAborted();
      levels.push((await readSubdirectory(next.value.path)).values());
    } else if (seen % ENTRIES_PER_TURN === 0) {
      await nextTurn(undefined, { signal });
    }
  }
}

async function readSubdirectory(path: string): Promise<Entry[]> {
  try {
    return await readEntries(path);
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return [];
    throw error;
  }
}
