import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** How long a file is, holes and all. */
const lengthOf = (stats: Stats): number => stats.size;

const BLOCK_BYTES = 512;

/** What a file takes: one that is nothing but a hole takes nothing. */
export const roomOf = (stats: Stats): number => stats.blocks * BLOCK_BYTES;

/** All in a directory together. What vanishes meanwhile counts for nothing. */
export async function directoryBytes(
  directory: string,
  bytesOf: (stats: Stats) => number = lengthOf,
): Promise<number> {
  let total = 0;
  const waiting = [directory];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      else {
        const stats = await lstat(path).catch(() => undefined);
        total += stats === undefined ? 0 : bytesOf(stats);
      }
    }
  }
  return total;
}
