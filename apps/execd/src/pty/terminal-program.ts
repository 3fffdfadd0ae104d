import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { spawnGroup } from '@opensandbox/process';
import type { ProcessGroup } from '@opensandbox/process';
import { commandEnvironment } from '../commands/command-environment.ts';
import { InputQueue } from './input-queue.ts';
import type { InputEvents } from './input-queue.ts';
import type { Program, ProgramRequest } from './program.ts';
import type { ProgramDeps } from './program-deps.ts';
import { readTerminal } from './read-terminal.ts';
import { sessionGroups } from './session-groups.ts';
import { onTerminal, shellEnvironment, shellWords } from './shell-invocation.ts';
import { openTerminal } from './terminal.ts';
import type { Terminal } from './terminal.ts';

/** Starts a shell on a terminal of its own. */
export async function startOnTerminal(
  deps: ProgramDeps,
  request: ProgramRequest,
  events: InputEvents,
): Promise<Program> {
  const { bun, clock } = deps;
  const terminal = openTerminal(request.size);
  const group = await startShell(deps, request, terminal);
  const input = new InputQueue({ clock, write: (bytes) => writeSync(terminal.fd, bytes) }, events);
  return {
    mode: 'pty',
    exited: group.exited,
    input,
    readOutput(take) {
      const { fd } = terminal;
      return readTerminal({
        bun,
        clock,
        fd,
        exited: group.exited,
        take: (bytes) => take('stdout', bytes),
      });
    },
    resize: (size) => terminal.setSize(size),
    signal: (name) => signalForeground(terminal, group, name),
    kill() {
      const others = sessionGroups(group.pid);
      signalForeground(terminal, group, 'SIGKILL');
      group.signal('SIGKILL');
      for (const other of others) if (other !== group.pid) signalGroup(other, 'SIGHUP');
    },
    close() {
      input[Symbol.dispose]();
      terminal.close();
    },
  };
}

async function startShell(
  deps: ProgramDeps,
  request: ProgramRequest,
  terminal: Terminal,
): Promise<ProcessGroup> {
  let side: number | undefined;
  try {
    // Held until the shell ends: a terminal that nobody has open for a moment would look like one at its end.
    side = openSync(terminal.path, constants.O_RDWR | constants.O_NOCTTY);
    const env = shellEnvironment(commandEnvironment(deps.environment, {}, deps.log));
    const path = deps.environment['PATH'];
    const [file, ...args] = onTerminal(shellWords(path, request.command), terminal.path, path);
    const stdio = { stdin: side, stdout: side, stderr: side };
    const group = await spawnGroup({ file, args, env, cwd: request.cwd, ...stdio });
    const held = side;
    void group.exited.then(() => closeSync(held));
    return group;
  } catch (error) {
    if (side !== undefined) closeSync(side);
    terminal.close();
    throw error;
  }
}

/** A job of an interactive shell has a group of its own, which signals to the shell would not reach. */
function signalForeground(terminal: Terminal, group: ProcessGroup, name: NodeJS.Signals): void {
  const foreground = terminal.foregroundGroup() ?? newestJob(group.pid);
  if (foreground === undefined || !signalGroup(foreground, name)) group.signal(name);
}

/**
 * What is most likely in the foreground where the kernel does not tell (gVisor's answers only to processes of the
 * session itself): the job that was started last. With none, the shell is at its prompt.
 */
function newestJob(shell: number): number | undefined {
  const jobs = [...sessionGroups(shell)].filter((group) => group !== shell);
  return jobs.length === 0 ? undefined : Math.max(...jobs);
}

function signalGroup(group: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(-group, name);
  } catch {
    return false; // it has ended
  }
}
