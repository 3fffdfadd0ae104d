import { randomUUID } from 'node:crypto';
import { closeSync, writeSync } from 'node:fs';
import { openOutputPipe, spawnGroup } from '@opensandbox/process';
import type { OutputPipe, ProcessGroup } from '@opensandbox/process';
import { commandEnvironment } from '../commands/command-environment.ts';
import { openInputPipe } from './input-pipe.ts';
import type { InputPipe } from './input-pipe.ts';
import { InputQueue } from './input-queue.ts';
import type { InputEvents } from './input-queue.ts';
import type { Program, ProgramRequest } from './program.ts';
import type { ProgramDeps } from './program-deps.ts';
import { shellEnvironment, shellWords } from './shell-invocation.ts';

interface Pipes {
  readonly stdin: InputPipe;
  readonly stdout: OutputPipe;
  readonly stderr: OutputPipe;
}

/** Starts a shell between pipes: it shows no prompt, and its errors come apart from its output. */
export async function startBetweenPipes(
  deps: ProgramDeps,
  request: ProgramRequest,
  events: InputEvents,
): Promise<Program> {
  const pipes = openPipes(deps);
  const group = await startShell(deps, request, pipes);
  const ended = new AbortController();
  const exited = group.exited.finally(() => ended.abort());
  const { clock } = deps;
  const { stdin, stdout, stderr } = pipes;
  const input = new InputQueue({ clock, write: (bytes) => writeSync(stdin.writeFd, bytes) }, events);
  return {
    mode: 'pipe',
    exited,
    input,
    async readOutput(take) {
      await Promise.all([
        stdout.deliver({ clock, ended: ended.signal, onBytes: (bytes) => take('stdout', bytes) }),
        stderr.deliver({ clock, ended: ended.signal, onBytes: (bytes) => take('stderr', bytes) }),
      ]);
    },
    resize: () => undefined,
    signal: (name) => void group.signal(name),
    kill: () => void group.signal('SIGKILL'),
    close() {
      input[Symbol.dispose]();
      closeSync(stdin.writeFd);
    },
  };
}

async function startShell(deps: ProgramDeps, request: ProgramRequest, pipes: Pipes): Promise<ProcessGroup> {
  const { stdin, stdout, stderr } = pipes;
  try {
    const env = shellEnvironment(commandEnvironment(deps.environment, {}, deps.log));
    const [file, ...args] = shellWords(deps.environment['PATH'], request.command);
    const stdio = { stdin: stdin.programFd, stdout: stdout.programFd, stderr: stderr.programFd };
    const group = await spawnGroup({ file, args, env, cwd: request.cwd, ...stdio });
    stdout.handedOver();
    stderr.handedOver();
    return group;
  } catch (error) {
    stdout.discard();
    stderr.discard();
    closeSync(stdin.writeFd);
    throw error;
  } finally {
    closeSync(stdin.programFd);
  }
}

function openPipes({ outputs, pipes }: ProgramDeps): Pipes {
  const id = randomUUID();
  const openOutput = (name: string): OutputPipe => {
    return outputs.place(`${id}.${name}`, (path) => openOutputPipe(path, pipes));
  };
  const stdin = outputs.place(`${id}.stdin`, (path) => openInputPipe(path, pipes));
  let stdout: OutputPipe | undefined;
  try {
    stdout = openOutput('stdout');
    return { stdin, stdout, stderr: openOutput('stderr') };
  } catch (error) {
    stdout?.discard();
    closeSync(stdin.programFd);
    closeSync(stdin.writeFd);
    throw error;
  }
}
