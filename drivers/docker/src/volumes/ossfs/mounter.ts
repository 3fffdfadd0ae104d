import type { FaultCode } from '@opensandbox/core/ports';
import type { Clock, FaultKind } from '@opensandbox/base';
import { deadline, Fault, isFault, sleep } from '@opensandbox/base';
import { maskOutput } from './mask.ts';
import { formatMountCommand, programOf } from './mount-command.ts';
import { readMountTable } from './mount-table.ts';
import type { CredentialedMount } from './oss-mount.ts';
import type { PrivateFile } from './private-files.ts';
import { openPrivateFile, readOutput } from './private-files.ts';
import type { ProgramEnd } from './run-program.ts';
import { findProgram, runProgram } from './run-program.ts';
import { killMarked, MARK } from './strays.ts';

const MOUNT_MS = 30_000;
/** How often the mount table is read while a mount that was reported done is not there yet. */
const POLL_MS = 50;

export interface MounterDeps {
  readonly clock: Clock;
  /** Where programs are looked for: the `PATH` of this server. */
  readonly searchPath: string;
  /** A private directory. */
  readonly filesDir: string;
}

/** A place for a mount: as it is written, and as the kernel's mount table says it. */
export interface Place {
  readonly path: string;
  readonly realPath: string;
}

export interface MountTask extends Place {
  readonly mount: CredentialedMount;
  readonly mark: string;
}

/**
 * Mounts a bucket at an empty directory. When it rejects, no process is left that could still mount; whether
 * something is mounted is for the caller to look up.
 */
export async function mountBucket(deps: MounterDeps, task: MountTask, signal: AbortSignal): Promise<void> {
  const { mount } = task;
  await using output = await openPrivateFile(deps.filesDir, '.out');
  using limit = deadline(deps.clock, MOUNT_MS, signal, () => failed(mount, 'timeout', ''));
  try {
    await runMount(deps, { ...task, output }, limit.signal);
    while (!(await readMountTable()).has(task.realPath)) await sleep(deps.clock, POLL_MS, limit.signal);
  } catch (error) {
    await killMarked(task.mark, deps.clock);
    if (!isFault(error, 'timeout')) throw error;
    const printed = maskOutput(await readOutput(output), mount.credentials);
    throw failed(mount, 'timeout', `it did not end within ${MOUNT_MS / 1000} s${after(printed)}`);
  }
}

async function runMount(
  deps: MounterDeps,
  { mount, path, mark, output }: MountTask & { readonly output: PrivateFile },
  signal: AbortSignal,
): Promise<void> {
  await using secret = await openPrivateFile(deps.filesDir, '.conf');
  const command = formatMountCommand(mount, { path, file: secret.path });
  await secret.handle.writeFile(command.fileText);
  const file = requireProgram(mount.version, deps.searchPath);
  const env = { PATH: deps.searchPath, LC_ALL: 'C', [MARK]: mark };
  let end;
  try {
    end = await runProgram({ file, args: command.args, env, output: output.handle }, signal);
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw failed(mount, 'internal', 'it cannot be started', error);
  }
  if (end.code === 0) return;
  const printed = maskOutput(await readOutput(output), mount.credentials);
  throw failed(mount, 'internal', `${describeEnd(end)}${after(printed)}`);
}

export function describeEnd({ code, signal }: ProgramEnd): string {
  return code === null ? `it was ended by ${signal ?? 'a signal'}` : `it ended with exit code ${code}`;
}

export function after(printed: string): string {
  return printed === '' ? '' : `: ${printed}`;
}

function failed(mount: CredentialedMount, kind: FaultKind, why: string, cause?: unknown): Fault {
  return new Fault(
    kind,
    'volume.ossfs_failed' satisfies FaultCode,
    `Failed to mount OSS bucket '${mount.key}' with ${programOf(mount.version)}: ${why}`,
    { cause },
  );
}

/** The mount program of a version. Rejects with what an operator has to do when it is not there. */
export function requireProgram(version: '1.0' | '2.0', searchPath: string): string {
  const program = programOf(version);
  const found = findProgram(program, searchPath);
  if (found !== undefined) return found;
  throw new Fault(
    'unsupported',
    'volume.ossfs_failed' satisfies FaultCode,
    `OSS volumes of version ${version} need the program '${program}', which is not in the PATH of this server. ` +
      `Install the ${program} package of Alibaba Cloud and FUSE on the server's machine.`,
  );
}
