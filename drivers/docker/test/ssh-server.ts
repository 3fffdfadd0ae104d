import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SSHD = '/usr/sbin/sshd';
export const HAS_SSHD = existsSync(SSHD);

export interface SshServerOptions {
  readonly directory: string;
  readonly address: string;
  readonly port: number;
  /** Runs what follows on the server's host. */
  readonly through: readonly string[];
  /** What a Docker CLI finds there as `DOCKER_HOST`. */
  readonly dockerHost: string;
}

/** A real ssh server with keys of its own, and an `ssh` program that knows them. */
export interface SshServer extends AsyncDisposable {
  /** Directory with the `ssh` program that every other host would find in its PATH. */
  readonly programs: string;
  /** Host names that `programs/ssh` knows. */
  readonly names: Readonly<Record<'usual' | 'keyless' | 'unknown' | 'cliLess' | 'nowhere', string>>;
  /** How often somebody has logged in. */
  logins(): Promise<number>;
  /** How many connections there are. */
  connections(): Promise<number>;
  /** Ends what serves the connections that there are. */
  dropConnections(): Promise<void>;
}

export async function openSshServer(options: SshServerOptions): Promise<SshServer> {
  const directory = join(options.directory, 'ssh');
  await mkdir(directory, { mode: 0o700 });
  // Every ssh server of the host insists on it, for each connection anew: it stays, for the others.
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const path = (name: string): string => join(directory, name);
  for (const key of ['host', 'user', 'stranger', 'cli-less']) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path(key)]);
  }
  await writeServerFiles(options, path);
  await writeClientFiles(options, path);
  const args = [...options.through, SSHD, '-D', '-f', path('sshd_config'), '-E', path('log')];
  const server = spawn(args[0] ?? '', args.slice(1), { stdio: 'ignore' });
  await listening(options);
  return {
    programs: path('programs'),
    names: {
      usual: 'engine',
      keyless: 'keyless',
      unknown: 'unknown',
      cliLess: 'cli-less',
      nowhere: 'nowhere',
    },
    async logins() {
      return (await readFile(path('log'), 'utf8')).split('Accepted publickey').length - 1;
    },
    connections: async () => (await childrenOf(server.pid ?? 0)).length,
    async dropConnections() {
      for (const child of await childrenOf(server.pid ?? 0)) end(child);
    },
    async [Symbol.asyncDispose]() {
      const children = await childrenOf(server.pid ?? 0);
      const ended = once(server, 'exit');
      server.kill();
      await ended;
      for (const child of children) end(child);
    },
  };
}

type PathOf = (name: string) => string;

async function writeServerFiles(
  { address, port, dockerHost }: SshServerOptions,
  path: PathOf,
): Promise<void> {
  const config = [
    `ListenAddress ${address}:${port}`,
    `HostKey ${path('host')}`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    `AuthorizedKeysFile ${path('authorized')}`,
    `SetEnv DOCKER_HOST=${dockerHost}`,
  ];
  await writeFile(path('sshd_config'), `${config.join('\n')}\n`);
  const withoutCli = `command="PATH=/nowhere; export PATH; eval \\"$SSH_ORIGINAL_COMMAND\\""`;
  const keys = [
    await readFile(path('user.pub'), 'utf8'),
    `${withoutCli} ${await readFile(path('cli-less.pub'), 'utf8')}`,
  ];
  await writeFile(path('authorized'), keys.join(''));
}

async function writeClientFiles({ address, port }: SshServerOptions, path: PathOf): Promise<void> {
  const hostKey = (await readFile(path('host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
  await writeFile(path('known'), `[${address}]:${port} ${hostKey}\n`);
  await writeFile(path('known-nobody'), '');
  const host = (name: string, key: string, known = 'known', at = port): string =>
    `Host ${name}\n  HostName ${address}\n  Port ${at}\n  IdentityFile ${path(key)}\n  UserKnownHostsFile ${path(known)}\n`;
  const config = [
    host('engine', 'user'),
    host('keyless', 'stranger'),
    host('unknown', 'user', 'known-nobody'),
    host('cli-less', 'cli-less'),
    host('nowhere', 'user', 'known', 1),
    'Host *\n  IdentitiesOnly yes\n  IdentityAgent none\n  GlobalKnownHostsFile none\n  User root\n',
  ];
  await writeFile(path('config'), config.join(''));
  await mkdir(path('programs'));
  await writeFile(path('programs/ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${path('config')} "$@"\n`);
  await chmod(path('programs/ssh'), 0o755);
}

async function listening({ address, port }: SshServerOptions): Promise<void> {
  const latest = Date.now() + 10_000;
  for (;;) {
    const socket = connect(port, address);
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return;
    if (Date.now() > latest) throw new Error('the ssh server does not come up');
    await wait(50);
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // ended by itself meanwhile
  }
}

export async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text.split(' ').filter(Boolean).map(Number);
}
