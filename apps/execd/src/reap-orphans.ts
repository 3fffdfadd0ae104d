import { readdirSync, readFileSync } from 'node:fs';
import type { Clock } from '@opensandbox/base';
import { sleep } from '@opensandbox/base';
import { callLibc } from './libc.ts';

const LOOK_EVERY_MS = 2000;
const WNOHANG = 1;

/** Finds what has ended and waits to be reaped by this process, and reaps it. */
export interface OrphanSource {
  endedChildren(): readonly number[];
  reap(pid: number): void;
}

/**
 * The first process of a container inherits every orphan and must reap it. Where the agent is that process, it
 * looks for children that have ended. Those it started itself are reaped by the runtime as soon as they end, which
 * must not be taken from it: only what is found twice is an orphan.
 */
export async function reapOrphans(source: OrphanSource, clock: Clock, signal: AbortSignal): Promise<void> {
  let seen = new Set<number>();
  while (!signal.aborted) {
    await sleep(clock, LOOK_EVERY_MS, signal);
    const ended = source.endedChildren();
    for (const pid of ended) if (seen.has(pid)) source.reap(pid);
    seen = new Set(ended);
  }
}

export function systemOrphans(ownPid: number): OrphanSource {
  return {
    endedChildren() {
      const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
      return pids.map(Number).filter((pid) => isEndedChild(pid, ownPid));
    },
    reap(pid) {
      try {
        callLibc('waitpid', pid, null, WNOHANG);
      } catch {
        // reaped in the meantime
      }
    },
  };
}

function isEndedChild(pid: number, parent: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, parentPid] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' && Number(parentPid) === parent;
  } catch {
    return false; // gone
  }
}
