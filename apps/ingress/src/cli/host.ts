import type { Clock } from '@opensandbox/base';

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export type SignalName = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

export interface SignalSource {
  on(name: SignalName, listener: (name: SignalName) => void): unknown;
  off(name: SignalName, listener: (name: SignalName) => void): unknown;
}

/** Everything outside that the command line touches; `main.ts` makes it from the real process. */
export interface Host {
  /** The arguments after the program's name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly clock: Clock;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signals: SignalSource;
  readonly exit: (code: number) => void;
  /** `undefined` when there is no such file. */
  readonly readFile: (path: string) => string | undefined;
  readonly readFileLater: (path: string) => Promise<string>;
  /** A number in [0, 1). */
  readonly random: () => number;
}
