import { readEntries } from './read-entries.ts';
import type { Entry } from './read-entries.ts';
import { failedWith } from './system-errors.ts';
import type { Turns } from './turns.ts';

/**
 * Everything below `root` in lexical order, each directory followed by what is in it. Never follows symbolic
 * links. A directory that vanishes on the way counts as empty; one that cannot be read fails the walk.
 */
export async function* walk(root: string, depth: number, turns: Turns): AsyncGenerator<Entry> {
  if (depth < 1) return;
  const levels = [await readEntries({ path: root, address: root }, turns)];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const next = level.next();
    if (next.done === true) {
      levels.pop();
      continue;
    }
    yield next.value;
    if (next.value.isDirectory && levels.length < depth) {
      levels.push(await readSubdirectory(next.value, turns));
    }
    await turns.over();
  }
}

async function readSubdirectory(directory: Entry, turns: Turns): Promise<Iterator<Entry>> {
  try {
    return await readEntries(directory, turns);
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return [].values();
    throw error;
  }
}
