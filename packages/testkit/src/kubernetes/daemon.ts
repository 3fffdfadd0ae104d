import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** A program that serves until it is ended. It is ended by its process id, and with this process. */
export interface Daemon {
  readonly pid: number;
  readonly hasEnded: boolean;
  /** Waits until it answers; fails with the end of its log when it ends instead, or takes too long. */
  answers(ask: () => Promise<boolean>): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when it is gone: by force when it does not listen. */
  end(name?: NodeJS.Signals): Promise<void>;
}

const START_MS = 90_000;
const END_MS = 15_000;
const LOG_TAIL = 3000;

export function startDaemon(command: string, flags: readonly string[], logFile: string): Daemon {
  const log = openSync(logFile, 'a');
  const child = spawn(command, [...flags], { stdio: ['ignore', log, log] });
  closeSync(log);
  let failure: unknown;
  child.once('error', (error) => (failure = error));
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('close', () => process.removeListener('exit', kill));
  const isGone = (): boolean => failure !== undefined || hasEnded(child);
  return {
    pid: child.pid ?? 0,
    get hasEnded() {
      return isGone();
    },
    async answers(ask) {
      const stop = AbortSignal.timeout(START_MS);
      while (!stop.aborted && !isGone()) {
        if (await ask()) return;
        await pause(50);
      }
      const tail = (await readFile(logFile, 'utf8')).slice(-LOG_TAIL);
      throw new Error(`${command} does not come up:\n${tail}`, { cause: failure });
    },
    signal: (name) => void child.kill(name),
    async end(name = 'SIGTERM') {
      if (isGone()) return;
      const ended = once(child, 'close');
      child.kill('SIGCONT');
      child.kill(name);
      const patience = AbortSignal.timeout(END_MS);
      patience.addEventListener('abort', kill, { once: true });
      await ended;
      patience.removeEventListener('abort', kill);
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
