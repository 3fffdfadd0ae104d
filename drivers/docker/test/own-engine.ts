import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import { dockerCli, IMAGE, SOCKET } from './docker-harness.ts';

const run = promisify(execFile);
export const CAN_OWN_ENGINE =
  existsSync('/usr/sbin/dockerd') && existsSync('/usr/bin/unshare') && process.getuid?.() === 0;

/** An engine of the test's own, that may be stopped and killed without anybody else noticing. No network bridge. */
export interface OwnEngine extends AsyncDisposable {
  readonly socket: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Freezes the daemon: its connections stay open and say nothing. */
  freeze(): void;
  thaw(): void;
}

export async function openOwnEngine(directory: string): Promise<OwnEngine> {
  const socket = join(directory, 'docker.sock');
  const config = join(directory, 'daemon.json');
  await mkdir(join(directory, 'exec'));
  await writeFile(config, JSON.stringify({ 'live-restore': false }));
  const flags = {
    'config-file': config,
    'data-root': join(directory, 'data'),
    'exec-root': join(directory, 'exec'),
    pidfile: join(directory, 'docker.pid'),
    host: `unix://${socket}`,
    bridge: 'none',
    iptables: 'false',
    'ip-masq': 'false',
    'storage-driver': 'vfs',
    'cgroup-parent': `/opensandbox-test-${process.pid}`,
  };
  const log = openSync(join(directory, 'dockerd.log'), 'a');
  let daemon: ChildProcess | undefined;
  const docker = dockerCli(socket);

  async function start(): Promise<void> {
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    // In a network namespace of its own: a daemon without a bridge deletes the one it finds.
    daemon = spawn('unshare', ['--net', '--', '/usr/sbin/dockerd', ...args], { stdio: ['ignore', log, log] });
    for (let attempt = 0; attempt < 300; attempt += 1) {
      if (await docker('version').catch(() => undefined)) return;
      await wait(100);
    }
    throw new Error('the engine of the test does not come up');
  }

  async function stop(): Promise<void> {
    const ending = daemon;
    if (ending === undefined || ending.exitCode !== null) return;
    const ended = new Promise((resolve) => ending.once('close', resolve));
    ending.kill('SIGCONT');
    ending.kill('SIGTERM');
    await ended;
  }

  await start();
  const image = join(directory, 'image.tar');
  await dockerCli(SOCKET)('save', '-o', image, IMAGE);
  await docker('load', '-i', image);
  return {
    socket,
    start,
    stop,
    freeze: () => void daemon?.kill('SIGSTOP'),
    thaw: () => void daemon?.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      await stop();
      // The daemon leaves the mount of its network namespace behind.
      await run('umount', [join(directory, 'exec', 'netns', 'default')]).catch(() => undefined);
    },
  };
}
