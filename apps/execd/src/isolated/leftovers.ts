import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ENTER } from './inside/session-spec.ts';
import { childrenOf, placeOf, removePlace } from './isolator.ts';

/** Ends and removes what an agent before this one left: its sessions were known to it alone. */
export async function removeLeftovers(upperRoot: string): Promise<void> {
  for (const name of await readdir(upperRoot).catch(() => [])) {
    const place = placeOf(upperRoot, name);
    if (!existsSync(place.upper)) continue; // not a session's
    const pid = Number(await readFile(join(place.root, 'pid'), 'utf8').catch(() => ''));
    if (pid > 1 && isMaker(pid, place.inside)) {
      for (const process of [...childrenOf(pid), pid]) kill(process);
    }
    await removePlace(place).catch(() => undefined); // what cannot be removed is in nobody's way
  }
}

/** A number may belong to another process by now. */
function isMaker(pid: number, inside: string): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.includes(ENTER) && words.includes(inside);
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended
  }
}
