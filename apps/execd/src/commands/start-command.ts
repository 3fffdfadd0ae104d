import { randomUUID } from 'node:crypto';
import { closeSync, fchownSync, readFileSync, rmSync } from 'node:fs';
import type { Clock, Logger } from '@opensandbox/base';
import {
  credentialsFor,
  identifyProcess,
  openOutputPipe,
  parseGroup,
  parsePasswd,
  spawnGroup,
} from '@opensandbox/process';
import type {
  Accounts,
  Environment,
  OutputDirectory,
  OutputFile,
  OutputPipe,
  PipeSystem,
  ProcessGroup,
} from '@opensandbox/process';
import { maskSecrets } from '../mask-secrets.ts';
import { commandEnvironment } from './command-environment.ts';
import type { CommandRecords } from './command-records.ts';
import type { CommandRequest } from './command-request.ts';
import type { Invocation } from './shell.ts';
import { findShell, runAs } from './shell.ts';
import { resolveWorkingDirectory } from './working-directory.ts';

export interface CommandDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** The agent's environment without what commands must not see. */
  readonly environment: Environment;
  readonly cwd: string;
  readonly outputs: OutputDirectory;
  readonly pipes: PipeSystem;
  readonly records: CommandRecords;
  /** How this agent is started again, to run a command as another user. */
  readonly self: readonly [string, ...string[]];
  /** Whether this agent may take on other users and groups. */
  readonly maySwitchUser: boolean;
}

export interface StartedCommand {
  readonly id: string;
  readonly startedAt: number;
  readonly outcome:
    { readonly group: ProcessGroup; readonly output: CommandOutput } | { readonly failure: string };
}

/** A foreground command is read while it runs; what a background command prints is kept to be asked for. */
export type CommandOutput =
  | { readonly kind: 'streamed'; readonly stdout: OutputPipe; readonly stderr: OutputPipe }
  | { readonly kind: 'kept'; readonly file: OutputFile };

/**
 * Checks a request and starts its command. Refuses with a Fault what can be known to be wrong; a program that
 * cannot be started is an outcome, because it belongs on the stream.
 */
export async function startCommand(deps: CommandDeps, request: CommandRequest): Promise<StartedCommand> {
  const env = commandEnvironment(deps.environment, request.envs, deps.log);
  const cwd = resolveWorkingDirectory(request.cwd, env, deps.cwd);
  const id = randomUUID().replaceAll('-', '');
  const startedAt = deps.clock.now();
  deps.log.info('command.start', {
    id,
    command: maskSecrets(request.command),
    background: request.background,
  });
  const output = request.background ? keptOutput(deps, id) : streamedOutput(deps, id);
  try {
    const group = await startIn(deps, request, { cwd, env, output });
    // From here on the id can be asked about and interrupted: a client may do so when it has read `init`.
    const outputPath = output.kind === 'kept' ? output.file.path : undefined;
    const dueAt = request.timeoutMs === undefined ? undefined : startedAt + request.timeoutMs;
    const leader = identifyProcess(group.pid);
    const { command } = request;
    deps.records.add({ id, command, group, leader, startedAt, dueAt, outputPath, end: undefined });
    return { id, startedAt, outcome: { group, output } };
  } catch (error) {
    discard(output);
    return { id, startedAt, outcome: { failure: failureText(error) } };
  }
}

interface Surroundings {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly output: CommandOutput;
}

async function startIn(
  deps: CommandDeps,
  request: CommandRequest,
  { cwd, env, output }: Surroundings,
): Promise<ProcessGroup> {
  const [file, ...prefix] = findShell(deps.environment['PATH']);
  const plain = { file, args: [...prefix, '-c', request.command], env };
  const [stdout, stderr] = descriptorsOf(output);
  const invocation = withCredentials(deps, request, plain, [stdout, stderr]);
  const group = await spawnGroup({ ...invocation, cwd, stdout, stderr });
  if (output.kind === 'kept') {
    closeSync(output.file.fd);
  } else {
    output.stdout.handedOver();
    output.stderr.handedOver();
  }
  return group;
}

function descriptorsOf(output: CommandOutput): [number, number] {
  if (output.kind === 'kept') return [output.file.fd, output.file.fd];
  return [output.stdout.programFd, output.stderr.programFd];
}

function keptOutput(deps: CommandDeps, id: string): CommandOutput {
  return { kind: 'kept', file: deps.outputs.create(`${id}.output`) };
}

function streamedOutput(deps: CommandDeps, id: string): CommandOutput {
  const open = (name: string): OutputPipe => {
    return deps.outputs.place(`${id}.${name}`, (path) => openOutputPipe(path, deps.pipes));
  };
  const stdout = open('stdout');
  try {
    return { kind: 'streamed', stdout, stderr: open('stderr') };
  } catch (error) {
    stdout.discard();
    throw error;
  }
}

function discard(output: CommandOutput): void {
  if (output.kind === 'kept') {
    closeSync(output.file.fd);
    rmSync(output.file.path, { force: true });
  } else {
    output.stdout.discard();
    output.stderr.discard();
  }
}

function failureText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function withCredentials(
  deps: CommandDeps,
  request: CommandRequest,
  plain: Invocation,
  outputs: readonly number[],
): Invocation {
  if (request.uid === undefined) return plain;
  const credentials = credentialsFor({ uid: request.uid, gid: request.gid }, readAccounts());
  if (deps.maySwitchUser) {
    // Programs open their output again, as /dev/stdout: it must be theirs.
    for (const fd of outputs) fchownSync(fd, credentials.uid, credentials.gid);
    return runAs(credentials, plain, deps.self);
  }
  const isOwn = credentials.uid === process.getuid?.() && credentials.gid === process.getgid?.();
  if (isOwn) return plain;
  throw new Error(`fork/exec ${plain.file}: operation not permitted`);
}

function readAccounts(): Accounts {
  return { users: parsePasswd(readText('/etc/passwd')), groups: parseGroup(readText('/etc/group')) };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // an image without account files has no accounts
  }
}
