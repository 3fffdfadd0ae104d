import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { Agent } from 'node:http';
import type { AgentOptions } from 'node:http';
import { Duplex } from 'node:stream';
import type { Connection } from './connection.ts';

/** A connection that the ssh program could not make or did not keep. `said` is the last line that it wrote. */
export interface SshFailure extends Error {
  readonly code: typeof SSH_FAILED;
  readonly exitCode: number | undefined;
  readonly said: string;
}

export const SSH_FAILED = 'ERR_SSH_FAILED';
/** How long ssh may take to reach the far side. Calls are given as much more, so that its own complaint comes first. */
export const CONNECT_SECONDS = 15;
const MOST_STDERR = 4_096;

/**
 * An agent whose connections run through the `ssh` program, as the Docker CLI does it, so that the user's own
 * ssh configuration, keys and known hosts apply. Each connection is a process here and on the far side.
 */
export function sshAgent(connection: Connection, options: AgentOptions, program = 'ssh'): Agent {
  const agent = new Agent(options);
  const args = sshArguments(connection);
  agent.createConnection = () => openPipe(program, args);
  // A pipe has no keep-alive and no timers of its own to set.
  agent.keepSocketAlive = () => true;
  return agent;
}

export function sshArguments({ username, port, host, farSocket }: Connection): readonly string[] {
  const user = username === undefined ? [] : ['-l', username];
  const at = port === undefined ? [] : ['-p', String(port)];
  const socket = farSocket === undefined ? [] : ['--host', quote(`unix://${farSocket}`)];
  const options = ['-o', 'BatchMode=yes', '-o', `ConnectTimeout=${CONNECT_SECONDS}`, '-T'];
  return [...options, ...user, ...at, '--', host ?? '', 'docker', ...socket, 'system', 'dial-stdio'];
}

/** The far side's shell takes the words apart. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function openPipe(program: string, args: readonly string[]): Duplex {
  // In a process group of its own: Ctrl-C is for the server, which still needs its engine to come to an end.
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const words = collectWords(child);
  const pipe: Duplex = new Duplex({
    read: () => void child.stdout.resume(),
    write: (chunk, _encoding, done) => void child.stdin.write(chunk as Buffer, () => done()),
    final: (done) => void child.stdin.end(() => done()),
    destroy(error, done) {
      child.kill();
      // What is left in it nobody reads any more, and unread it would keep its descriptor open.
      child.stdout.destroy();
      done(error);
    },
  });
  child.stdout.on('data', (chunk) => {
    if (!pipe.push(chunk)) child.stdout.pause();
  });
  // What cannot be written any more is told by the end of the process, which knows why.
  child.stdin.on('error', () => undefined);
  // The client listens only while a request is under way; what breaks afterwards concerns nobody.
  pipe.on('error', () => undefined);
  child.once('error', (error) => pipe.destroy(error));
  child.once('close', (exitCode) => {
    if (exitCode !== 0) {
      pipe.destroy(sshFailure(exitCode ?? undefined, words()));
      return;
    }
    // The far side hung up. A connection that waits for its next call must go: nothing would answer over it.
    pipe.once('end', () => pipe.destroy());
    pipe.push(null);
    pipe.read(0); // nobody reads it then, and what is not read does not end
  });
  // What the agent asks of a socket that it takes up again.
  return Object.assign(pipe, { ref: () => pipe });
}

function collectWords(child: ChildProcessWithoutNullStreams): () => string {
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-MOST_STDERR);
  });
  return () => text;
}

function sshFailure(exitCode: number | undefined, stderr: string): SshFailure {
  const said =
    stderr
      .trim()
      .split(/\s*[\r\n]+\s*/)
      .at(-1) ?? '';
  const details = { code: SSH_FAILED, exitCode, said } as const;
  return Object.assign(new Error(`ssh ended with code ${exitCode ?? 'none'}: ${said}`), details);
}

export function isSshFailure(error: unknown): error is SshFailure {
  return error instanceof Error && 'code' in error && error.code === SSH_FAILED;
}
