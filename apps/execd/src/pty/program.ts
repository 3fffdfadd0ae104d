import type { ProcessExit } from '@opensandbox/process';
import type { OutputName, TerminalSignal } from './frames.ts';
import type { InputEvents, InputQueue } from './input-queue.ts';

export type Mode = 'pty' | 'pipe';

export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** Takes one piece of output; the next is read when it is done, so that a slow client makes the program wait. */
export type TakeOutput = (name: OutputName, bytes: Uint8Array) => Promise<void>;

/** A shell that runs on a terminal of its own or between pipes. */
export interface Program {
  readonly mode: Mode;
  readonly exited: Promise<ProcessExit>;
  readonly input: InputQueue;
  /** Call once, at once. Resolves when the program has ended and all it wrote was taken. */
  readOutput(take: TakeOutput): Promise<void>;
  resize(size: TerminalSize): void;
  /** To what is in the foreground of the terminal. */
  signal(name: TerminalSignal): void;
  /** Ends the shell and what is in the foreground; what runs in the background learns that its terminal is gone. */
  kill(): void;
  /** Gives up what is held for it. Call when it has ended and its output was read. */
  close(): void;
}

export interface ProgramRequest {
  readonly mode: Mode;
  /** Run by the shell instead of what the client types; nothing when empty. */
  readonly command: string;
  readonly cwd: string;
  readonly size: TerminalSize;
}

/** Rejects with what is in the way. */
export type StartProgram = (request: ProgramRequest, onInput: InputEvents) => Promise<Program>;
