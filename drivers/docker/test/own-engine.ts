import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { dockerCli, IMAGE, SOCKET } from './docker-harness.ts';
import { cgroupParent, clearRemains, processGone } from './own-engine-remains.ts';

export const CAN_OWN_ENGINE =
  existsSync('/usr/sbin/dockerd') && existsSync('/usr/bin/unshare') && process.getuid?.() === 0;

/** Containers that outlived a killed engine are stopped before it serves, each with ten seconds to end. */
const START_MS = 60_000;
/** An engine that is told to end while it comes up may never hear of it. */
const END_MS = 20_000;
const NO_BRIDGE = { bridge: 'none', iptables: 'false', 'ip-masq': 'false' };

export interface OwnEngineOptions {
  /** A command that enters a network namespace; in it the engine has a bridge and publishes ports. */
  readonly through?: readonly string[];
  /** Members of its daemon.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly storageDriver?: string;
  /** Where it keeps its data: below its directory unless a file system of its own is wanted. */
  readonly dataRoot?: string;
  /** Where it listens besides its socket. */
  readonly hosts?: readonly string[];
  /** Images of this machine's engine that it gets. */
  readonly images?: readonly string[];
}

/**
 * An engine of the test's own, that may be stopped and killed without anybody else noticing. Without a namespace
 * to live in it has no network bridge.
 */
export interface OwnEngine extends AsyncDisposable {
  readonly socket: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Ends the daemon where it stands. Its containers and half of what it was doing stay behind. */
  kill(): Promise<void>;
  /** Freezes the daemon: its connections stay open and say nothing. */
  freeze(): void;
  thaw(): void;
}

export async function openOwnEngine(directory: string, options: OwnEngineOptions = {}): Promise<OwnEngine> {
  const socket = join(directory, 'docker.sock');
  const logFile = join(directory, 'dockerd.log');
  // Never in the namespace of the host: a daemon without a bridge deletes the one it finds.
  const through = options.through ?? ['unshare', '--net', '--'];
  const network = options.through === undefined ? NO_BRIDGE : {};
  const flags = await writeFlags(directory, socket, { ...options, network });
  const command = [...through, '/usr/sbin/dockerd', ...flags];
  const docker = dockerCli(socket);
  let daemon: ChildProcess | undefined;

  async function start(): Promise<void> {
    const log = openSync(logFile, 'a');
    const starting = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', log, log] });
    closeSync(log);
    daemon = starting;
    const latest = Date.now() + START_MS;
    while (!hasEnded(starting) && Date.now() < latest) {
      if (await answers(socket)) return;
      await wait(50);
    }
    throw await unusable('does not come up', undefined);
  }

  async function unusable(how: string, cause: unknown): Promise<Error> {
    const tail = (await readFile(logFile, 'utf8')).slice(-2000);
    return new Error(`the engine of the test ${how}:\n${tail}`, { cause });
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ending = daemon;
    if (ending === undefined || hasEnded(ending)) return;
    const ended = once(ending, 'close');
    ending.kill('SIGCONT');
    ending.kill(signal);
    const patience = setTimeout(() => ending.kill('SIGKILL'), END_MS);
    await ended;
    clearTimeout(patience);
    // Its containerd dies of the daemon's death, but later: a daemon that starts while that one is still there
    // takes it for its own, waits for an answer, and gives up.
    const containerd = await readFile(join(directory, 'exec/containerd/containerd.pid'), 'utf8').catch(
      () => '',
    );
    if (containerd !== '') await processGone(Number(containerd));
  }

  async function dispose(): Promise<void> {
    await end('SIGTERM');
    await clearRemains(directory);
  }

  try {
    await start();
    const image = join(directory, 'image.tar');
    await dockerCli(SOCKET)('save', '-o', image, ...(options.images ?? [IMAGE]));
    await docker('load', '-i', image).catch(async (error: unknown) => {
      throw await unusable('does not load its image', error);
    });
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    socket,
    start,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: () => void daemon?.kill('SIGSTOP'),
    thaw: () => void daemon?.kill('SIGCONT'),
    [Symbol.asyncDispose]: dispose,
  };
}

async function writeFlags(
  directory: string,
  socket: string,
  options: OwnEngineOptions & { readonly network: Readonly<Record<string, string>> },
): Promise<readonly string[]> {
  const config = join(directory, 'daemon.json');
  await mkdir(join(directory, 'exec'));
  await writeFile(config, JSON.stringify({ 'live-restore': false, ...options.config }));
  const flags = {
    'config-file': config,
    'data-root': options.dataRoot ?? join(directory, 'data'),
    'exec-root': join(directory, 'exec'),
    pidfile: join(directory, 'docker.pid'),
    host: `unix://${socket}`,
    ...options.network,
    'storage-driver': options.storageDriver ?? 'vfs',
    'cgroup-parent': cgroupParent(directory),
  };
  const hosts = (options.hosts ?? []).map((host) => `--host=${host}`);
  return [...Object.entries(flags).map(([name, value]) => `--${name}=${value}`), ...hosts];
}

/** A daemon takes connections long before it answers. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asking = request({ socketPath, path: '/_ping', timeout: 1000, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asking.once('timeout', () => asking.destroy());
    asking.once('error', () => resolve(false));
    asking.once('close', () => resolve(false));
    asking.end();
  });
}

function hasEnded(process: ChildProcess): boolean {
  return process.exitCode !== null || process.signalCode !== null;
}
