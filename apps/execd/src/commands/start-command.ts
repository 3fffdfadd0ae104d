import { randomUUID } from 'node:crypto';
import { closeSync, fchownSync, readFileSync, rmSync } from 'node:fs';
import type { Clock, Logger } from '@opensandbox/base';
import { credentialsFor, parseGroup, parsePasswd, spawnGroup } from '@opensandbox/process';
import type { Accounts, Environment, OutputDirectory, OutputFile, ProcessGroup } from '@opensandbox/process';
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
  readonly records: CommandRecords;
  /** How this agent is started again, to run a command as another user. */
  readonly self: readonly [string, ...string[]];
  /** Whether this agent may take on other users and groups. */
  readonly maySwitchUser: boolean;
}

export interface StartedCommand {
  readonly id: string;
  readonly startedAt: number;
  /** Standard output and standard error; one and the same file when it runs in the background. */
  readonly stdout: OutputFile;
  readonly stderr: OutputFile;
  readonly outcome: { readonly group: ProcessGroup } | { readonly failure: string };
}

/**
 * Checks a request and starts its command. Refuses with a Fault what can be known to be wrong; a program that
 * cannot be started is an outcome, because it belongs on the stream.
 */
export async function startCommand(deps: CommandDeps, request: CommandRequest): Promise<StartedCommand> {
  const env = commandEnvironment(deps.environment, request.envs, deps.log);
  const cwd = resolveWorkingDirectory(request.cwd, env, deps.cwd);
  const id = randomUUID().replaceAll('-', '');
  const [stdout, stderr] = openOutputs(deps, id, request.background);
  const startedAt = deps.clock.now();
  deps.log.info('command.start', {
    id,
    command: maskSecrets(request.command),
    background: request.background,
  });
  const [file, ...prefix] = findShell(deps.environment['PATH']);
  const plain = { file, args: [...prefix, '-c', request.command], env };
  try {
    const invocation = withCredentials(deps, request, plain, [stdout.fd, stderr.fd]);
    const group = await spawnGroup({ ...invocation, cwd, stdout: stdout.fd, stderr: stderr.fd });
    // From here on the id can be asked about and interrupted: a client may do so when it has read `init`.
    const outputPath = request.background ? stdout.path : undefined;
    deps.records.add({ id, command: request.command, group, startedAt, outputPath, end: undefined });
    return { id, startedAt, stdout, stderr, outcome: { group } };
  } catch (error) {
    if (request.background) rmSync(stdout.path, { force: true });
    return { id, startedAt, stdout, stderr, outcome: { failure: failureText(error) } };
  }
}

/** Closes the agent's side of a command's output. */
export function closeOutputs(started: StartedCommand): void {
  closeSync(started.stdout.fd);
  if (started.stderr.fd !== started.stdout.fd) closeSync(started.stderr.fd);
}

/**
 * Output goes to files and not through pipes: what a command leaves running may write on after the agent has
 * stopped reading, without being killed for it. Only output that can be asked for later keeps its name.
 */
function openOutputs(deps: CommandDeps, id: string, background: boolean): [OutputFile, OutputFile] {
  if (background) {
    const output = deps.outputs.create(`${id}.output`);
    return [output, output];
  }
  const files: [OutputFile, OutputFile] = [
    deps.outputs.create(`${id}.stdout`),
    deps.outputs.create(`${id}.stderr`),
  ];
  for (const file of files) rmSync(file.path, { force: true });
  return files;
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
