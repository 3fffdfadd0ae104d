import { mkdir, realpath, stat } from 'node:fs/promises';
import { agentFault } from '../error-envelope.ts';
import type { SpecBind } from './inside/session-spec.ts';
import { isWithin } from './inside/mount-table.ts';
import type { IsolationConfig } from './isolation-config.ts';
import type { SessionRequest } from './session-request.ts';

/** The kernel's and the agent's own places: a session gets its own or none. */
const NEVER = ['/proc', '/sys', '/dev', '/run', '/opt/opensandbox'];

/** The workspace without symbolic links; made when it does not exist. */
export async function openWorkspace(path: string, config: IsolationConfig): Promise<string> {
  await mkdir(path, { recursive: true }).catch((error: unknown) => {
    throw agentFault('invalid', 'RUNTIME_ERROR', `workspace.path must be an existing path: ${String(error)}`);
  });
  const real = await realpath(path);
  if (!(await stat(real)).isDirectory()) {
    throw agentFault(
      'invalid',
      'RUNTIME_ERROR',
      `workspace.path must be an existing path to a directory: ${path}`,
    );
  }
  const isTaken = [...NEVER, config.upperRoot].some(
    (place) => isWithin(real, place) || isWithin(place, real),
  );
  if (isTaken) throw agentFault('invalid', 'RUNTIME_ERROR', `workspace.path "${path}" is not allowed`);
  return real;
}

/** Checks after links are resolved: what counts is what a session would reach. */
export async function openBinds(
  request: Pick<SessionRequest, 'binds' | 'extraWritable'>,
  config: IsolationConfig,
): Promise<SpecBind[]> {
  const extra = request.extraWritable.map((path) => ({ source: path, dest: path, readonly: false }));
  const binds: SpecBind[] = [];
  for (const bind of [...extra, ...request.binds]) {
    const source = await realpath(bind.source).catch(() => {
      throw agentFault('invalid', 'RUNTIME_ERROR', `"${bind.source}" must be an existing path`);
    });
    if (!(await isAllowed(source, config.allowedWritable))) {
      throw agentFault('invalid', 'RUNTIME_ERROR', `"${bind.source}" is not in allowlist`);
    }
    binds.push({ source, dest: await openDest(bind.dest, config), readonly: bind.readonly });
  }
  return binds;
}

async function openDest(dest: string, config: IsolationConfig): Promise<string> {
  if (isWithin(dest, '/tmp')) return dest;
  const real = await realpath(dest).catch(() => {
    throw agentFault('invalid', 'RUNTIME_ERROR', `"${dest}" must be an existing path`);
  });
  const isTaken = real === '/' || [...NEVER, config.upperRoot].some((place) => isWithin(real, place));
  if (isTaken) throw agentFault('invalid', 'RUNTIME_ERROR', `"${dest}" is not allowed`);
  return real;
}

async function isAllowed(path: string, allowed: readonly string[]): Promise<boolean> {
  for (const prefix of allowed) {
    const real = await realpath(prefix).catch(() => prefix); // one that does not exist holds nothing
    if (isWithin(path, real)) return true;
  }
  return false;
}
