import { readFileSync } from 'node:fs';
import type { Clock } from '@opensandbox/base';
import { sleep } from '@opensandbox/base';
import type { ProcessGroup } from './process-group.ts';

/** A process that is meant and no other: numbers are given again, the moment of the start is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** In ticks since the machine started, as the system counts them. */
  readonly startedTicks: string;
}

interface ProcessStat {
  readonly state: string;
  readonly startedTicks: string;
}

/** Reads the text of /proc/PID/stat. The name in it may hold anything, even spaces and parentheses. */
export function readProcessStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startedTicks] = [fields[0], fields[19]];
  return state === undefined || startedTicks === undefined ? undefined : { state, startedTicks };
}

function statOf(pid: number): ProcessStat | undefined {
  try {
    return readProcessStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined; // no such process, or no /proc
  }
}

/** Undefined when there is no such process, or nothing to tell it from others. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = statOf(pid);
  return stat === undefined ? undefined : { pid, startedTicks: stat.startedTicks };
}

/** Whether the process still runs; one that ended and was not reaped yet does not. */
export function isRunning({ pid, startedTicks }: ProcessIdentity): boolean {
  const stat = statOf(pid);
  return stat?.startedTicks === startedTicks && stat.state !== 'Z' && stat.state !== 'X';
}

/** A group that another process started; nobody learns how its leader ends. */
export function adoptGroup(leader: ProcessIdentity): Pick<ProcessGroup, 'pid' | 'signal' | 'isAlive'> {
  const send = (signal: NodeJS.Signals | 0): boolean => {
    const stat = statOf(leader.pid);
    // The number of a group stays taken as long as the group has members: without a leader it is still the same.
    if (stat !== undefined && stat.startedTicks !== leader.startedTicks) return false;
    try {
      return process.kill(-leader.pid, signal);
    } catch {
      return false;
    }
  };
  return { pid: leader.pid, signal: send, isAlive: () => send(0) };
}

const LOOK_EVERY_MS = 200;

/** Waits until a process that is no child of this one has ended. */
export async function awaitEndOf(process: ProcessIdentity, clock: Clock, signal: AbortSignal): Promise<void> {
  while (isRunning(process)) await sleep(clock, LOOK_EVERY_MS, signal);
}
