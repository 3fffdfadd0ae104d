import type { Clock } from '@opensandbox/base';
import { sleep } from '@opensandbox/base';
import type { ProcessGroup } from './process-group.ts';

export interface TerminateOptions {
  readonly clock: Clock;
  /** How long the group may take to end by itself after SIGTERM. */
  readonly graceMs: number;
  readonly pollMs: number;
  /** How long to look for the end after SIGKILL. */
  readonly confirmMs: number;
}

/** Asks a group to end, and kills what is left after the grace time. Returns when it is gone or was killed. */
export async function terminateGroup(
  group: Pick<ProcessGroup, 'signal' | 'isAlive'>,
  options: TerminateOptions,
  signal: AbortSignal,
): Promise<void> {
  if (!group.signal('SIGTERM')) return;
  if (await waitGone(group, options, options.graceMs, signal)) return;
  group.signal('SIGKILL');
  await waitGone(group, options, options.confirmMs, signal);
}

async function waitGone(
  group: Pick<ProcessGroup, 'signal' | 'isAlive'>,
  options: TerminateOptions,
  ms: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { clock, pollMs } = options;
  const end = clock.now() + ms;
  // The first looks come quickly: most programs end at once.
  for (let wait = Math.min(5, pollMs); ; wait = Math.min(wait * 2, pollMs)) {
    if (!group.isAlive()) return true;
    if (clock.now() >= end) return false;
    await sleep(clock, Math.min(wait, end - clock.now()), signal);
  }
}
