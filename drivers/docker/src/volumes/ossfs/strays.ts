import { readdir, readFile } from 'node:fs/promises';
import type { Clock } from '@opensandbox/base';
import { sleep } from '@opensandbox/base';

/**
 * A mount program puts itself into the background, in a session of its own: killing its process group does not reach
 * that part, and it may mount later all the same. A mark in the environment stays with whatever a program starts.
 */
export const MARK = 'OPENSANDBOX_OSSFS_MOUNT';

const ROUNDS = 40;
const ROUND_MS = 50;

/** Kills every process with this mark, until there is none. False when some would not go. */
export async function killMarked(mark: string, clock: Clock): Promise<boolean> {
  const { signal } = new AbortController();
  for (let round = 0; round < ROUNDS; round += 1) {
    const found = await findMarked(mark);
    if (found.length === 0) return true;
    for (const pid of found) kill(pid);
    await sleep(clock, ROUND_MS, signal);
  }
  return false;
}

async function findMarked(mark: string): Promise<readonly number[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const wanted = `${MARK}=${mark}`;
  const found: number[] = [];
  for (const name of names) {
    const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => ''); // gone, or not ours
    if (environment.split('\0').includes(wanted)) found.push(Number(name));
  }
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has just ended by itself
  }
}
