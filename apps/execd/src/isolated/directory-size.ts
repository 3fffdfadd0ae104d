import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What a directory takes, all in it together. What vanishes meanwhile takes nothing. */
export async function directoryBytes(directory: string): Promise<number> {
  let total = 0;
  const waiting = [directory];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      else total += (await lstat(path).catch(() => undefined))?.size ?? 0;
    }
  }
  return total;
}
