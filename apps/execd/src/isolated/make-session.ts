import { readFile } from 'node:fs/promises';
import { credentialsFor, parseGroup, parsePasswd } from '@opensandbox/process';
import type { Environment } from '@opensandbox/process';
import { agentFault } from '../error-envelope.ts';
import { directoryBytes, roomOf } from './directory-size.ts';
import type { SessionSpec } from './inside/session-spec.ts';
import type { IsolationConfig } from './isolation-config.ts';
import { awaitReady, librariesOf, makePlace, recordProcess, removePlace, startProcess } from './isolator.ts';
import type { IsolatorDeps, SessionPlace, SessionProcess } from './isolator.ts';
import { sessionEnvironment } from './session-environment.ts';
import { openBinds, openWorkspace } from './session-paths.ts';
import type { SessionRequest } from './session-request.ts';

export interface MakeSessionDeps extends IsolatorDeps {
  /** What sessions may inherit from. Asked for each, so that what is added there is seen. */
  readonly environment: () => Environment;
}

/** Starts a session's processes and waits until they answer. On failure nothing is left behind. */
export async function startSession(
  deps: MakeSessionDeps,
  spec: SessionSpec,
  place: SessionPlace,
  options: { readonly shareNet: boolean; readonly signal: AbortSignal },
): Promise<SessionProcess> {
  let started: SessionProcess | undefined;
  try {
    await makePlace(place, spec);
    started = startProcess(deps, place, options);
    await recordProcess(place, started.pid);
    await awaitReady(deps, place, started, options.signal);
    return started;
  } catch (error) {
    started?.kill();
    await started?.exited;
    await removePlace(place);
    const reason = error instanceof Error ? error.message : String(error);
    throw agentFault('internal', 'RUNTIME_ERROR', `error creating isolated session. ${reason}`);
  }
}

/** What the session is to be, with every path checked. */
export async function specOf(
  deps: MakeSessionDeps,
  config: IsolationConfig,
  request: SessionRequest,
  place: SessionPlace,
): Promise<SessionSpec> {
  const credentials = await credentialsOf(request);
  const { upper, work } = place;
  return {
    workspace: {
      path: await openWorkspace(request.workspace.path, config),
      mode: request.workspace.mode,
      upper,
      work,
    },
    binds: await openBinds(request, config),
    privateTmp: request.profile === 'strict',
    upperRoot: config.upperRoot,
    ...credentials,
    userNamespace: request.uidMode === 'userns',
    env: sessionEnvironment(deps.environment(), request.passthrough),
    libraries: librariesOf(deps.self),
    self: deps.self,
    isProbe: false,
  };
}

async function credentialsOf(request: SessionRequest): Promise<Pick<SessionSpec, 'uid' | 'gid' | 'groups'>> {
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (request.uid === undefined)
    return { uid: own.uid, gid: request.gid ?? own.gid, groups: [request.gid ?? own.gid] };
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => ''); // an image without accounts
  const accounts = {
    users: parsePasswd(await read('/etc/passwd')),
    groups: parseGroup(await read('/etc/group')),
  };
  return credentialsFor({ uid: request.uid, gid: request.gid }, accounts);
}

/** Refuses a further copy-on-write session when the others take all there is. */
export async function requireRoom(config: IsolationConfig): Promise<void> {
  if (config.upperMaxBytes === 0) return;
  const used = await directoryBytes(config.upperRoot, roomOf);
  if (used < config.upperMaxBytes) return;
  const message = `the sessions' changes take ${used} bytes of at most ${config.upperMaxBytes}; delete a session first`;
  throw agentFault('internal', 'RUNTIME_ERROR', message);
}
