import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, existsSync, linkSync, openSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sleep } from '@opensandbox/base';
import type { Clock, Logger } from '@opensandbox/base';
import { throughLoader } from './inside/own-programs.ts';
import type { SessionSpec } from './inside/session-spec.ts';
import { ENTER, MAKE_ROOM, SOCKET_FILE, SPEC_FILE } from './inside/session-spec.ts';
import { fetchUnix } from './unix-http.ts';

export interface IsolatorDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** How this agent is started again. */
  readonly self: readonly [string, ...string[]];
}

/** The processes of one session. */
export interface SessionProcess {
  readonly socket: string;
  /** Settles when they are gone, with the status of the first, if it has one. */
  readonly exited: Promise<number | undefined>;
  isAlive(): boolean;
  kill(): void;
  readonly pid: number;
}

/** The directories of one session below the upper root. */
export interface SessionPlace {
  readonly root: string;
  readonly inside: string;
  readonly upper: string;
  readonly work: string;
}

export function placeOf(upperRoot: string, id: string): SessionPlace {
  const root = join(upperRoot, id);
  return { root, inside: join(root, 'inside'), upper: join(root, 'upper'), work: join(root, 'work') };
}

/** What the processes that make sessions begin with; none of it reaches the session. */
const BARE_ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
const PID_FILE = 'pid';
const LOG_FILE = 'log';
const OWNER_ONLY = 0o700;

/** Where the agent's own programs are. */
export function librariesOf(self: readonly [string, ...string[]]): string {
  return join(dirname(self[0]), 'lib');
}

/** Makes a session's directories. The upper one looks like the workspace, for the session sees it as that. */
export async function makePlace(place: SessionPlace, spec: SessionSpec): Promise<void> {
  for (const path of [place.root, place.inside, place.upper, place.work]) {
    await mkdir(path, { mode: OWNER_ONLY });
  }
  const lower = await stat(spec.workspace.path);
  await chmod(place.upper, lower.mode & 0o7777);
  await chown(place.upper, lower.uid, lower.gid);
  await writeFile(join(place.inside, SPEC_FILE), JSON.stringify(spec), { mode: 0o600 });
  if (spec.userNamespace) return;
  for (const path of [place.inside, join(place.inside, SPEC_FILE)]) await chown(path, spec.uid, spec.gid);
}

/** Starts the processes of a session. They live in namespaces of their own and end together. */
export function startProcess(
  deps: IsolatorDeps,
  place: SessionPlace,
  options: { readonly shareNet: boolean },
): SessionProcess {
  const namespaces = ['--mount', '--pid', '--fork', '--ipc', '--uts', '--kill-child'];
  if (!options.shareNet) namespaces.push('--net');
  const command = [...deps.self, ENTER, place.inside];
  const [file = '', ...args] = [
    ...throughLoader(librariesOf(deps.self), 'unshare'),
    ...namespaces,
    ...command,
  ];
  const log = openSync(join(place.root, LOG_FILE), 'w', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(file, args, {
      cwd: '/',
      env: BARE_ENVIRONMENT,
      detached: true,
      stdio: ['ignore', log, log],
    });
  } finally {
    closeSync(log);
  }
  let alive = true;
  const exited = new Promise<number | undefined>((resolve) => {
    const end = (code?: number): void => {
      alive = false;
      resolve(code);
    };
    child.once('exit', (code) => end(code ?? undefined));
    child.once('error', () => end());
  });
  return {
    socket: join(place.root, SOCKET_FILE),
    exited,
    isAlive: () => alive,
    kill: () => {
      if (alive) killSession(child); // the number of one that has ended may be another's by now
    },
    pid: child.pid ?? 0,
  };
}

/**
 * Killing the first process of the namespaces ends all in them, and then the one that waits for it. The other way
 * round would not: the system forgets to pass a death on to a process that has changed its user since.
 */
function killSession(child: ChildProcess): void {
  for (const pid of childrenOf(child.pid ?? 0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it has just ended
    }
  }
  if (childrenOf(child.pid ?? 0).length === 0) child.kill('SIGKILL'); // it has not come that far, or is at its end
}

export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return []; // it has ended
  }
}

const READY_MS = 15_000;
const LOOK_EVERY_MS = 5;

/** Waits until a session answers. Rejects with what its processes said when they end instead. */
export async function awaitReady(
  deps: IsolatorDeps,
  place: SessionPlace,
  session: SessionProcess,
  signal: AbortSignal,
): Promise<void> {
  const latest = deps.clock.now() + READY_MS;
  for (;;) {
    if (await isListening(place, session)) return;
    if (!session.isAlive()) throw new Error(complaint(place));
    if (deps.clock.now() > latest) throw new Error('the session did not start in time');
    await sleep(deps.clock, LOOK_EVERY_MS, signal);
  }
}

/**
 * The socket gets a second name, outside of what the session can write to: it could put anything in the place of the
 * first. That nothing of the session's has run yet makes it the right one now.
 */
async function isListening(place: SessionPlace, session: SessionProcess): Promise<boolean> {
  try {
    if (!existsSync(session.socket)) linkSync(join(place.inside, SOCKET_FILE), session.socket);
    return (await fetchUnix(session.socket, '/ping')).ok;
  } catch {
    return false; // not yet
  }
}

function complaint(place: SessionPlace): string {
  const said = readFileSync(join(place.root, LOG_FILE), 'utf8').trim();
  return said === '' ? 'the session ended at once' : said;
}

/** Whether a session can be made as `spec` says; otherwise why not. */
export async function probe(
  deps: IsolatorDeps,
  spec: SessionSpec,
  place: SessionPlace,
): Promise<string | undefined> {
  try {
    await makePlace(place, spec);
    const session = startProcess(deps, place, { shareNet: true });
    const timer = deps.clock.at(deps.clock.now() + READY_MS, () => session.kill());
    const status = await session.exited;
    timer[Symbol.dispose]();
    return status === 0 ? undefined : complaint(place);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await removePlace(place);
  }
}

export async function removePlace(place: SessionPlace): Promise<void> {
  await rm(place.root, { recursive: true, force: true, maxRetries: 3 });
}

export async function recordProcess(place: SessionPlace, pid: number): Promise<void> {
  await writeFile(join(place.root, PID_FILE), String(pid));
}

const OVERLAYFS_MAGIC = 0x794c7630;

/**
 * Makes the directory for changes. An overlay cannot keep its changes on another overlay, which is what a container's
 * own files are on: then the directory gets a file system in memory, which counts as the sandbox's memory.
 */
export async function prepareRoot(deps: IsolatorDeps, root: string, maxBytes: number): Promise<void> {
  await mkdir(root, { recursive: true, mode: OWNER_ONLY });
  if ((await statfs(root)).type !== OVERLAYFS_MAGIC) return;
  const [file, ...prefix] = deps.self;
  const child = spawn(file, [...prefix, MAKE_ROOM, root, String(maxBytes)], {
    env: BARE_ENVIRONMENT,
    stdio: 'ignore',
  });
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  deps.log.info('isolation.room_made', { root });
}
