import { closeSync, constants, openSync, rmSync } from 'node:fs';
import type { PipeSystem } from '@opensandbox/process';

/** A pipe to a program. Unlike the runtime's own it can be opened again, as /dev/stdin. */
export interface InputPipe {
  /** The program's standard input. */
  readonly programFd: number;
  /** Does not wait for room. */
  readonly writeFd: number;
}

/** The caller closes both ends. */
export function openInputPipe(path: string, system: PipeSystem): InputPipe {
  const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  const opened: number[] = [];
  const open = (flags: number): number => {
    const fd = openSync(path, flags | O_NOFOLLOW);
    opened.push(fd);
    return fd;
  };
  system.makeFifo(path);
  try {
    const first = open(O_RDONLY | O_NONBLOCK); // nothing else opens one end without waiting for the other
    const writeFd = open(O_WRONLY | O_NONBLOCK);
    const programFd = open(O_RDONLY);
    closeSync(first);
    return { programFd, writeFd };
  } catch (error) {
    for (const fd of opened) closeSync(fd);
    throw error;
  } finally {
    rmSync(path, { force: true });
  }
}
