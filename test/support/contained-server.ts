import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { docker, removeAll } from './docker.ts';
import { REPOSITORY } from './server-image.ts';

const SOCKET = '/var/run/docker.sock';
const HEALTHY_MS = 60_000;

export interface ContainedOptions {
  readonly image: string;
  /** `--network` of the server's container. */
  readonly network?: string;
  readonly flags?: readonly string[];
  /** Makes a container that is the doctor instead, and does not start it. */
  readonly doctor?: boolean;
  /** Lines of TOML. */
  readonly server?: string;
  readonly docker?: string;
}

/** A server that runs in a container, with an instance name, a key and a state volume of its own. */
export interface ContainedServer extends AsyncDisposable {
  readonly container: string;
  readonly instance: string;
  readonly apiKey: string;
  readonly domain: string;
  readonly config: string;
  waitHealthy(): Promise<void>;
}

/** The shipped configuration with a few lines more. */
export async function writeConfig(
  directory: string,
  instance: string,
  extra: Pick<ContainedOptions, 'server' | 'docker'> = {},
): Promise<string> {
  const path = join(directory, 'config.toml');
  const shipped = await readFile(join(REPOSITORY, 'deploy/config.toml'), 'utf8');
  const text = shipped
    .replace('[server]\n', `[server]\n${extra.server ?? ''}\n`)
    .replace('[docker]\n', `[docker]\ninstance = "${instance}"\n${extra.docker ?? ''}\n`);
  const isOverridden = extra.docker?.includes('network_mode') === true;
  await writeFile(path, isOverridden ? text.replace('network_mode = "bridge"\n', '') : text, { mode: 0o644 });
  return path;
}

export async function openContainedServer(options: ContainedOptions): Promise<ContainedServer> {
  const directory = await mkdtemp(join(tmpdir(), 'opensandbox-contained-'));
  const instance = `test-${randomBytes(6).toString('hex')}`;
  const apiKey = randomBytes(12).toString('hex');
  const usesHostNetwork = options.network === 'host';
  const port = await freePort();
  const listening = usesHostNetwork ? `port = ${port}` : '';
  const server = `${listening}\n${options.server ?? ''}`;
  const config = await writeConfig(directory, instance, { ...options, server });
  if (usesHostNetwork)
    await writeFile(config, (await readFile(config, 'utf8')).replace('\nport = 8080\n', '\n'));
  const { gid } = await stat(SOCKET);
  const container = await docker(
    ...(options.doctor === true ? ['create'] : ['run', '--detach']),
    ...['--name', `server-${instance}`, '--label', `opensandbox-test.server=${instance}`],
    ...['--network', options.network ?? 'bridge', '--group-add', String(gid)],
    ...['--volume', `${SOCKET}:${SOCKET}`, '--volume', `${config}:/etc/opensandbox/config.toml:ro`],
    ...['--volume', `state-${instance}:/var/lib/opensandbox`],
    ...['--env', `OPENSANDBOX_SERVER_API_KEY=${apiKey}`],
    ...(usesHostNetwork ? [] : ['--publish', `127.0.0.1:${port}:8080`]),
    ...(options.flags ?? []),
    options.image,
    ...(options.doctor === true ? ['doctor', '--json'] : []),
  );
  const domain = `127.0.0.1:${port}`;
  return {
    container,
    instance,
    apiKey,
    domain,
    config,
    waitHealthy: () => waitHealthy(domain, container),
    async [Symbol.asyncDispose]() {
      await removeAll(instance);
      await docker('rm', '--force', '--volumes', container);
      await docker('volume', 'rm', '--force', `state-${instance}`);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export async function waitHealthy(domain: string, container: string): Promise<void> {
  const latest = Date.now() + HEALTHY_MS;
  while (Date.now() < latest) {
    const healthy = await fetch(`http://${domain}/health`, { signal: AbortSignal.timeout(2000) }).then(
      (answer) => answer.ok,
      () => false,
    );
    if (healthy) return;
    await pause(100);
  }
  throw new Error(`the server in the container is not healthy:\n${await docker('logs', container)}`);
}

/** The volume that the agent of a sandbox is mounted from. */
export async function agentVolumeOf(sandboxId: string): Promise<string | undefined> {
  const mounts = '{{range .Mounts}}{{.Name}} {{end}}';
  const names = await docker('inspect', '--format', mounts, `sandbox-${sandboxId}`);
  return names.split(' ').find((name) => name.startsWith('opensandbox-agent-'));
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
