import type { Clock } from '@opensandbox/base';
import { sleep } from '@opensandbox/base';
import { errorCode } from '@opensandbox/process';
import type { ProcessExit } from '@opensandbox/process';
import type { BunRuntime } from '../bun-runtime.ts';
import { hasInput } from './terminal.ts';

const SHORTEST_LOOK_MS = 1;
const LONGEST_LOOK_MS = 50;
/** More than a terminal and the reading of it hold: what comes after is not the shell's any more. */
const MOST_AFTER_EXIT_BYTES = 1024 * 1024;

export interface TerminalReading {
  readonly bun: BunRuntime;
  readonly clock: Clock;
  readonly fd: number;
  readonly exited: Promise<ProcessExit>;
  readonly take: (bytes: Uint8Array) => Promise<void>;
}

/**
 * Reads a terminal until its shell has ended and all it wrote was taken. Programs the shell left behind keep the
 * terminal open, so the end of the bytes is not waited for: after the shell's end an empty terminal is enough.
 */
export async function readTerminal({ bun, clock, fd, exited, take }: TerminalReading): Promise<void> {
  const reader = bun.file(fd).stream().getReader();
  const over = new AbortController();
  const state = { isWaiting: false, hasExited: false };
  let afterExitBytes = 0;

  async function endWhenEmpty(): Promise<void> {
    let waitMs = SHORTEST_LOOK_MS;
    let empty = 0;
    for (;;) {
      await sleep(clock, waitMs, over.signal);
      empty = state.isWaiting && !hasInput(fd) ? empty + 1 : 0;
      if (empty === 2) return reader.cancel();
      waitMs = Math.min(waitMs * 2, LONGEST_LOOK_MS);
    }
  }
  void exited.then(() => {
    state.hasExited = true;
    if (!over.signal.aborted) endWhenEmpty().catch(() => undefined); // cut short by `over`
  });

  try {
    while (afterExitBytes < MOST_AFTER_EXIT_BYTES) {
      state.isWaiting = true;
      const piece = await reader.read();
      state.isWaiting = false;
      if (piece.done) break;
      if (state.hasExited) afterExitBytes += piece.value.length;
      await take(piece.value);
    }
  } catch (error) {
    if (errorCode(error) !== 'EIO') throw error; // how a terminal says that nobody is at its other side
  } finally {
    over.abort();
    await reader.cancel().catch(() => undefined); // it may have broken already
  }
}
