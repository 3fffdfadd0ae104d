import type { ProcessExit, ProcessGroup, ProcessIdentity } from '@opensandbox/process';

/** What can be done to a running command. */
export type CommandGroup = Pick<ProcessGroup, 'pid' | 'signal' | 'isAlive'>;

/** One command, running or finished. */
export interface CommandRecord {
  readonly id: string;
  readonly command: string;
  /** Its processes; undefined once its leader has ended. */
  readonly group: CommandGroup | undefined;
  readonly leader: ProcessIdentity | undefined;
  readonly startedAt: number;
  /** When its time is up. */
  readonly dueAt: number | undefined;
  /** The combined output of a background command; a foreground command keeps none. */
  readonly outputPath: string | undefined;
  /** The first byte of the output that was not dropped for its size. */
  readonly firstByte?: number;
  readonly end: CommandEnd | undefined;
}

export interface CommandEnd {
  /** Undefined when it is not known: the agent that would have been told died before. */
  readonly exit: ProcessExit | undefined;
  readonly finishedAt: number;
  /** Why it did not succeed; empty after success. */
  readonly error: string;
}
