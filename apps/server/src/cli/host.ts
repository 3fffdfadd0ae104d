import type { Clock } from '@opensandbox/base';
import type { Environment } from '../config/environment.ts';
import type { SignalSource } from './stop-signals.ts';

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** Everything outside that the command line touches; `main.ts` makes it from the real process. */
export interface Host {
  /** The arguments after the program's name. */
  readonly args: readonly string[];
  readonly env: Environment;
  readonly homeDir: string;
  readonly tempDir: string;
  readonly version: string;
  readonly nodeVersion: string;
  readonly clock: Clock;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly isInteractive: boolean;
  readonly signals: SignalSource;
  readonly exit: (code: number) => void;
  readonly readFile: (path: string) => string | undefined;
  readonly examplesDir: URL;
  /** The agent shipped with this server. */
  readonly rootfsDir: string;
  /** How this program was started, for a child of its own. */
  readonly command: readonly [program: string, ...args: string[]];
}
