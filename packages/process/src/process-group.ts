import { spawn } from 'node:child_process';
import { Fault } from '@opensandbox/base';
import type { ProcessExit } from './process-exit.ts';
import { errorText } from './system-error.ts';

export interface SpawnPlan {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** What the child reads; /dev/null unless given. Stays open here, as those below do. */
  readonly stdin?: number;
  /** File descriptors the child writes to. They stay open here: the caller closes them. */
  readonly stdout: number;
  readonly stderr: number;
}

/** A process that leads a session and process group of its own, so that one signal reaches all it started. */
export interface ProcessGroup {
  readonly pid: number;
  /** Settles when the leader ends. Others of the group may live on. */
  readonly exited: Promise<ProcessExit>;
  /** False when nobody is left to receive it. */
  signal(name: NodeJS.Signals): boolean;
  isAlive(): boolean;
}

/** Starts a process. Rejects with `process.spawn_failed` when it cannot. */
export function spawnGroup(plan: SpawnPlan): Promise<ProcessGroup> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(spawnFault(plan.file, error));
    try {
      const child = spawn(plan.file, plan.args, {
        cwd: plan.cwd,
        env: plan.env,
        detached: true,
        stdio: [plan.stdin ?? 'ignore', plan.stdout, plan.stderr],
      });
      const exited = new Promise<ProcessExit>((settle) => {
        child.once('exit', (code, signal) => settle(signal === null ? { code: code ?? -1 } : { signal }));
      });
      child.once('error', fail);
      child.once('spawn', () => {
        const pid = child.pid;
        if (pid === undefined) fail(new Error('no process id'));
        else resolve(processGroup(pid, exited));
      });
    } catch (error) {
      fail(error);
    }
  });
}

function processGroup(pid: number, exited: Promise<ProcessExit>): ProcessGroup {
  const send = (signal: NodeJS.Signals | 0): boolean => {
    try {
      return process.kill(-pid, signal);
    } catch {
      return false; // ESRCH: the group is empty. EPERM: it is no longer ours to signal.
    }
  };
  return { pid, exited, signal: send, isAlive: () => send(0) };
}

function spawnFault(file: string, error: unknown): Fault {
  const message = `fork/exec ${file}: ${errorText(error)}`;
  return new Fault('internal', 'process.spawn_failed', message, { cause: error });
}
