import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { promisify } from 'node:util';
import type { DockerEnvironment } from '../deps.ts';
import type { Connection } from './connection.ts';
import { isLoopback, readConnection } from './connection.ts';

const ASK_SSH_MS = 5_000;

/** What decides where the ports of sandboxes are published and dialled. */
export interface HostInput {
  /** Address of the engine's host, as far as the connection tells. */
  readonly engineHost: string;
  /** Whether the connection is a socket of this machine. */
  readonly isSocket: boolean;
  /** Whether this server runs in a container itself. */
  readonly isContained: boolean;
  /** `docker.host_ip`. */
  readonly hostIp: string | undefined;
}

/**
 * Where ports that the engine publishes are dialled. What was configured wins, except for a server that shares the
 * engine's host: it needs no other address than the loopback's.
 */
export function chooseDialHost({ engineHost, isSocket, isContained, hostIp }: HostInput): string {
  const isShared = isSocket && !isContained;
  return isShared || hostIp === undefined ? engineHost : hostIp;
}

export interface PublishInput {
  readonly dialHost: string;
  /** `docker.publish_address`. */
  readonly configured: string | undefined;
  /** What suits an engine on this machine. */
  readonly usual: string;
}

export interface Publishing {
  readonly address: string;
  /** What a person should know about it. */
  readonly warning: string | undefined;
}

/** The host address that sandbox ports are published on: another host's loopback leads nowhere. */
export function choosePublishing({ dialHost, configured, usual }: PublishInput): Publishing {
  const isFar = !isLoopback(dialHost);
  const wanted = configured ?? usual;
  if (!isFar || !isLoopback(wanted)) return { address: wanted, warning: undefined };
  if (configured !== undefined) {
    const warning = `docker.publish_address = "${configured}" is the engine host's own loopback: this server cannot reach sandboxes there.`;
    return { address: configured, warning };
  }
  return {
    address: '0.0.0.0',
    warning:
      "This server does not share the loopback address of the engine's host, so sandbox ports are published on all " +
      'addresses there. Keep them behind a firewall, or set docker.publish_address to one that only this server reaches.',
  };
}

/** Where the ports of sandboxes are published, and where this server dials them. */
export interface ReachPlan {
  readonly publishAddress: string;
  readonly dialHost: string;
}

/** What the driver would do, for tools beside it. */
export async function planReach(
  env: DockerEnvironment,
  wish: Pick<HostInput, 'hostIp'> & Pick<PublishInput, 'configured' | 'usual'>,
): Promise<ReachPlan> {
  const dialHost = await findDialHost(readConnection(env), wish.hostIp);
  return { dialHost, publishAddress: choosePublishing({ dialHost, ...wish }).address };
}

/** The host that `DOCKER_HOST`, or the context, leads to when it is another one; `undefined` for this machine. */
export async function farEngineHost(
  env: DockerEnvironment,
  hostIp: string | undefined,
): Promise<string | undefined> {
  const connection = readConnection(env);
  const dialHost = await findDialHost(connection, hostIp);
  if (connection.socketPath !== undefined || isLoopback(dialHost)) return undefined;
  return isIPv6(dialHost) ? `[${dialHost}]` : dialHost;
}

export async function findDialHost(connection: Connection, hostIp: string | undefined): Promise<string> {
  return chooseDialHost({
    engineHost: connection.protocol === 'ssh' ? await resolveAlias(connection) : connection.dialHost,
    isSocket: connection.socketPath !== undefined,
    isContained: isContained(),
    hostIp,
  });
}

/** Whether this process runs in a container of Docker or Podman. */
export function isContained(): boolean {
  return existsSync('/.dockerenv') || existsSync('/run/.containerenv');
}

/** The name in an ssh address may stand for another one in the user's ssh configuration. */
async function resolveAlias({ dialHost }: Connection): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('ssh', ['-G', '--', dialHost], { timeout: ASK_SSH_MS });
    return /^hostname (\S+)$/m.exec(stdout)?.[1] ?? dialHost;
  } catch {
    return dialHost; // the connection itself will say what is wrong with ssh
  }
}
