import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { dockerCli, IMAGE, lines, SOCKET } from './docker-harness.ts';
import { openFarHost } from './far-host.ts';
import { processGone } from './own-engine-remains.ts';

const PODMAN = '/usr/bin/podman';
export const HAS_PODMAN = existsSync(PODMAN) && existsSync('/usr/sbin/runc') && process.getuid?.() === 0;

/** A Podman service of the test's own: its network, its storage, and what it writes elsewhere, are nobody else's. */
export interface PodmanEngine extends AsyncDisposable {
  readonly socket: string;
  /** Where its published ports are reached. */
  readonly address: string;
  start(): Promise<void>;
  /** Ends the service; containers go on without it. */
  stop(): Promise<void>;
}

export interface PodmanOptions {
  /** Images of this machine's Docker engine that it gets. */
  readonly images?: readonly string[];
}

export async function openPodmanEngine(
  directory: string,
  options: PodmanOptions = {},
): Promise<PodmanEngine> {
  const host = await openFarHost();
  const socket = join(directory, 'podman.sock');
  const docker = dockerCli(socket);
  await writeConfiguration(directory);
  // What it keeps elsewhere, whatever it is told, is kept in a mount namespace that ends with it.
  const inner = 'mount -t tmpfs none /var/lib && mount -t tmpfs none /run/netns && exec "$@"';
  const args = [
    ...[
      '--root',
      join(directory, 'root'),
      '--runroot',
      join(directory, 'run'),
      '--tmpdir',
      join(directory, 'tmp'),
    ],
    ...['--storage-driver', 'overlay', 'system', 'service', '--time=0', `unix://${socket}`],
  ];
  const holder = await openMountNamespace([...host.through, 'unshare', '--mount', 'sh', '-c', inner, 'sh']);
  const command = ['nsenter', `--target=${holder.pid}`, '--mount', '--net', '--', PODMAN, ...args];
  let service: ChildProcess | undefined;

  async function start(): Promise<void> {
    const log = openSync(join(directory, 'podman.log'), 'a');
    const env = { ...process.env, CONTAINERS_CONF: join(directory, 'containers.conf') };
    service = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', log, log], env, cwd: directory });
    closeSync(log);
    const latest = Date.now() + 30_000;
    while (
      !(await docker('version').then(
        () => true,
        () => false,
      ))
    ) {
      if (Date.now() > latest) throw new Error(await readFile(join(directory, 'podman.log'), 'utf8'));
      await wait(50);
    }
  }

  async function stop(): Promise<void> {
    const ending = service;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = once(ending, 'exit');
    ending.kill();
    await ended;
  }

  async function dispose(): Promise<void> {
    const left = lines(await docker('ps', '-aq').catch(() => ''));
    if (left.length > 0) await docker('rm', '-fv', ...left);
    await stop();
    await holder.endOthers();
    await holder[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
    await removeControlGroups();
  }

  try {
    await start();
    const image = join(directory, 'image.tar');
    await dockerCli(SOCKET)('save', '-o', image, ...(options.images ?? [IMAGE]));
    await docker('load', '-i', image);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { socket, address: host.address, start, stop, [Symbol.asyncDispose]: dispose };
}

/** Podman's defaults ask for crun and for limits that not every machine grants. */
async function writeConfiguration(directory: string): Promise<void> {
  const networks = join(directory, 'networks');
  await mkdir(networks);
  const config = [
    '[engine]\nruntime="runc"\ncgroup_manager="cgroupfs"\nevents_logger="file"\nlock_type="file"',
    `volume_path="${join(directory, 'volumes')}"`,
    `[network]\nnetwork_backend="cni"\nnetwork_config_dir="${networks}"`,
    '[containers]\ndefault_ulimits=["nofile=16384:16384","nproc=32768:32768"]\n',
  ];
  await writeFile(join(directory, 'containers.conf'), config.join('\n'));
  const [from, to] = [
    '/etc/cni/net.d/87-podman-bridge.conflist',
    join(networks, '87-podman-bridge.conflist'),
  ];
  await writeFile(to, await readFile(from));
}

interface Holder extends AsyncDisposable {
  readonly pid: number;
  /** Ends what else lives in the namespace: the monitor of an `exec` stays for minutes. */
  endOthers(): Promise<void>;
}

/** A process that does nothing but hold the namespaces that `command` makes before it runs its arguments. */
async function openMountNamespace(command: readonly string[]): Promise<Holder> {
  const holder = spawn(
    command[0] ?? '',
    [...command.slice(1), 'sh', '-c', 'echo ready; exec sleep infinity'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const failed = once(holder, 'exit').then(() => Promise.reject(new Error('no mount namespace can be made')));
  await Promise.race([once(holder.stdout, 'data'), failed]);
  failed.catch(() => undefined); // it ends when it is told to
  const namespaceOf = (pid: string | number): Promise<string> =>
    readlink(`/proc/${pid}/ns/mnt`).catch(() => ''); // ended by itself
  return {
    pid: holder.pid ?? 0,
    async endOthers() {
      const own = await namespaceOf(holder.pid ?? 0);
      for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)) {
        if (pid === holder.pid || (await namespaceOf(pid)) !== own) continue;
        process.kill(pid, 'SIGKILL');
        await processGone(pid);
      }
    },
    async [Symbol.asyncDispose]() {
      const ended = once(holder, 'exit');
      holder.kill('SIGKILL');
      await ended;
    },
  };
}

/** Podman makes them and never removes them. Those in which something lives stay. */
async function removeControlGroups(): Promise<void> {
  const root = '/sys/fs/cgroup';
  for (const controller of ['', ...(await readdir(root))]) {
    const top = join(root, controller, 'libpod_parent');
    const below = await readdir(top, { recursive: true, withFileTypes: true }).catch(() => undefined);
    if (below === undefined) continue;
    const groups = below
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name));
    for (const group of [...groups.sort().reverse(), top]) await rmdir(group).catch(() => undefined); // in use
  }
}
