import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs';
import type { Clock } from '@opensandbox/base';
import { errorCode } from './system-error.ts';

/** What pipes need of the system that each runtime does in its own way. */
export interface PipeSystem {
  /** Makes a named pipe that only this user may open. */
  makeFifo(path: string): void;
  /**
   * The bytes of a pipe as they come, until nobody can write to it any more; reads on only when it is asked to.
   * Takes the descriptor over and closes it at the end.
   */
  read(fd: number): AsyncIterable<Uint8Array>;
}

export interface Delivery {
  readonly clock: Clock;
  /** Aborts when the program has ended. What others write later is delivered only if they do so at once. */
  readonly ended: AbortSignal;
  /** Takes one piece; the next is read when it is done, so that a slow reader makes the program wait. */
  readonly onBytes: (bytes: Uint8Array) => Promise<void>;
}

/**
 * Carries what a program prints to this process.
 *
 * The program's side is open for reading as well: there is always a reader, so what it leaves running is never
 * killed for writing, even when this process has died. The pipe has a name until the last writer is gone, so that
 * the next process can find it and take over reading (`drainPipe`).
 */
export interface OutputPipe {
  /** The program's standard output or error. */
  readonly programFd: number;
  /** Call once the program has it. */
  handedOver(): void;
  /** Resolves when all that the program wrote was taken. Goes on reading, for nobody, while others can write. */
  deliver(delivery: Delivery): Promise<void>;
  /** Instead of `deliver`, when the program could not be started. */
  discard(): void;
}

const MARK_BYTES = 32;
/** As long as a small program takes to start and to pass on what it was given. */
const LAST_WORDS_MS = 100;

/** Makes a pipe with a name. Throws when the place does not allow it. */
export function openOutputPipe(path: string, system: PipeSystem): OutputPipe {
  system.makeFifo(path);
  const { O_RDONLY, O_RDWR, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  const opened: number[] = [];
  const open = (flags: number): number => {
    const fd = openSync(path, flags | O_NOFOLLOW);
    opened.push(fd);
    return fd;
  };
  try {
    const readFd = open(O_RDONLY | O_NONBLOCK);
    const programFd = open(O_RDWR);
    const markFd = open(O_WRONLY | O_NONBLOCK);
    return {
      programFd,
      handedOver: () => closeSync(programFd),
      deliver: (delivery) => deliver({ path, system, readFd, markFd }, delivery),
      discard: () => closeAll(path, opened),
    };
  } catch (error) {
    closeAll(path, opened);
    throw error;
  }
}

function closeAll(path: string, fds: readonly number[]): void {
  for (const fd of fds) closeSync(fd);
  rmSync(path, { force: true });
}

interface ReadingEnd {
  readonly path: string;
  readonly system: PipeSystem;
  readonly readFd: number;
  /** A writer, so that the pipe has no end while the program may open it again. Does not wait for room. */
  readonly markFd: number;
}

/**
 * When the program has ended, those it started may still hold the pipe. Without any, the pipe is at its end. With some
 * there is a while for the last words of those that work for the program, such as a filter of its output; then a mark
 * that nobody can guess is written into the pipe, which does not say by itself what was written when.
 */
function deliver(end: ReadingEnd, { clock, ended, onBytes }: Delivery): Promise<void> {
  const mark = randomBytes(MARK_BYTES);
  let markFd: number | undefined = end.markFd;
  let lastWords: Disposable | undefined;
  let isOver = false;
  let isMarked = false;
  const closeMark = (): void => {
    if (markFd !== undefined) closeSync(markFd);
    markFd = undefined;
  };
  const tryMark = (): void => {
    if (isMarked || !isOver) return;
    markFd ??= openForWriting(end);
    isMarked = writeAtOnce(markFd, mark);
    if (isMarked) closeMark();
  };

  return new Promise((resolve, reject) => {
    const find = markFinder(mark);
    let isDone = false;
    const fail = (error: unknown): void => {
      isDone = true;
      reject(error);
    };
    const onTime = (): void => {
      isOver = true;
      try {
        tryMark();
      } catch (error) {
        fail(error);
      }
    };
    const onEnded = (): void => {
      closeMark();
      lastWords = clock.at(clock.now() + LAST_WORDS_MS, onTime);
    };
    if (ended.aborted) onEnded();
    else ended.addEventListener('abort', onEnded, { once: true });
    const take = async (bytes: Uint8Array): Promise<void> => {
      tryMark(); // there is room again when something was read
      if (isDone) return;
      const { before, isFound } = isMarked ? find(bytes) : { before: bytes, isFound: false };
      isDone = isFound;
      if (before.length > 0) await onBytes(before);
      if (isDone) resolve();
    };
    const readAll = async (): Promise<void> => {
      try {
        for await (const bytes of end.system.read(end.readFd)) await take(bytes).catch(fail);
      } finally {
        isMarked = true;
        closeMark();
        lastWords?.[Symbol.dispose]();
        ended.removeEventListener('abort', onEnded);
        rmSync(end.path, { force: true });
      }
    };
    readAll().then(resolve, reject);
  });
}

/** Through the side that is open: somebody may have removed the name. */
function openForWriting({ path, readFd }: ReadingEnd): number {
  const { O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  try {
    return openSync(`/proc/self/fd/${readFd}`, O_WRONLY | O_NONBLOCK);
  } catch {
    return openSync(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW); // no /proc
  }
}

/** False when there is no room. Short writes of this size do not happen on a pipe. */
function writeAtOnce(fd: number, bytes: Uint8Array): boolean {
  try {
    return writeSync(fd, bytes) > 0;
  } catch (error) {
    if (errorCode(error) === 'EAGAIN') return false;
    throw error;
  }
}

/** Looks for a mark in pieces that may cut it; holds back what may be its beginning. */
function markFinder(mark: Uint8Array): (bytes: Uint8Array) => { before: Uint8Array; isFound: boolean } {
  let held = Buffer.alloc(0);
  return (bytes) => {
    const all = Buffer.concat([held, bytes]);
    const at = all.indexOf(mark);
    if (at !== -1) return { before: all.subarray(0, at), isFound: true };
    const free = Math.max(0, all.length - (mark.length - 1));
    held = all.subarray(free);
    return { before: all.subarray(0, free), isFound: false };
  };
}

/** Reads a pipe that another process left, for nobody, so that what writes to it never waits. */
export async function drainPipe(path: string, system: PipeSystem): Promise<void> {
  const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  const readFd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  // A pipe that had a writer and lost it has an end; one that never had one is waited for.
  closeSync(openSync(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW));
  const pieces = system.read(readFd)[Symbol.asyncIterator]();
  while ((await pieces.next()).done !== true);
  rmSync(path, { force: true });
}
