import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { builtForHost } from './built-agent.ts';

export interface AgentProcess extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** What it printed so far. */
  printed(): string;
  /** Sends SIGTERM and returns the exit code. */
  stop(): Promise<number | null>;
}

export interface AgentOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the compiled agent on a port of its own and waits until it listens. */
export async function startAgent(options: AgentOptions = {}): Promise<AgentProcess> {
  const child = spawnAgent(options);
  let printed = '';
  child.stdout?.on('data', (bytes: Buffer) => (printed += bytes.toString()));
  child.stderr?.on('data', (bytes: Buffer) => (printed += bytes.toString()));
  const exited = once(child, 'exit').then(() => child.exitCode);
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout?.on('data', () => {
      const found = /"event":"agent.listening".*?"port":(\d+)/.exec(printed)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    child.once('exit', () => reject(new Error(`the agent ended: ${printed}`)));
  });
  const stop = (): Promise<number | null> => {
    child.kill('SIGTERM');
    return exited;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: child.pid ?? 0,
    printed: () => printed,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

export function spawnAgent(options: AgentOptions): ChildProcess {
  const { args = [], env = {} } = options;
  return spawn(join(builtForHost(), 'execd'), ['--port', '0', ...args], {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: '/root', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
