import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@opensandbox/base';
import type { DockerEnvironment } from '../deps.ts';

/** How the engine is reached, and under which address its published ports are. */
export interface Connection {
  readonly protocol: 'http' | 'https' | 'ssh';
  readonly socketPath: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly username: string | undefined;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** Address of the engine's host as this server dials it. */
  readonly dialHost: string;
  /** For messages. */
  readonly name: string;
}

const DEFAULT_SOCKET = '/var/run/docker.sock';
const LOCAL = '127.0.0.1';
const PORTS = { 'tcp:': 2375, 'http:': 2375, 'https:': 2376, 'ssh:': 22 } as const;

/** Reads `DOCKER_HOST` and its companions; without them the usual local socket. */
export function readConnection(env: DockerEnvironment): Connection {
  const text = env.DOCKER_HOST?.trim() ?? '';
  if (text === '') return overSocket(defaultSocket(env));
  if (text.startsWith('unix://')) return overSocket(text.slice('unix://'.length) || defaultSocket(env));
  if (text.startsWith('npipe://'))
    return overSocket(text.slice('npipe://'.length) || '//./pipe/docker_engine');
  return overNetwork(text.includes('://') ? text : `tcp://${text}`, env);
}

function defaultSocket(env: DockerEnvironment): string {
  const own = env.HOME === undefined ? undefined : join(env.HOME, '.docker/run/docker.sock');
  return own !== undefined && !existsSync(DEFAULT_SOCKET) && existsSync(own) ? own : DEFAULT_SOCKET;
}

function overSocket(socketPath: string): Connection {
  const absent = { host: undefined, port: undefined, username: undefined, tls: undefined };
  return { ...absent, protocol: 'http', socketPath, dialHost: LOCAL, name: socketPath };
}

function overNetwork(text: string, env: DockerEnvironment): Connection {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const usual = url === undefined ? undefined : PORTS[url.protocol as keyof typeof PORTS];
  if (url === undefined || usual === undefined || url.hostname === '') {
    throw new Fault(
      'invalid',
      'parameter.invalid',
      'DOCKER_HOST is not an address. Use unix:///path/to/socket, tcp://host:port or ssh://user@host.',
    );
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const verify = (env.DOCKER_TLS_VERIFY ?? '') !== '';
  const isSsh = url.protocol === 'ssh:';
  const secure = !isSsh && (verify || url.protocol === 'https:' || url.port === '2376');
  return {
    protocol: isSsh ? 'ssh' : secure ? 'https' : 'http',
    socketPath: undefined,
    host,
    port: url.port === '' ? (secure ? PORTS['https:'] : usual) : Number(url.port),
    username: url.username === '' ? undefined : decodeURIComponent(url.username),
    tls: secure ? readCertificates(env) : undefined,
    dialHost: host,
    name: `${url.protocol}//${url.host}`,
  };
}

function readCertificates(env: DockerEnvironment): Connection['tls'] {
  const directory = env.DOCKER_CERT_PATH ?? (env.HOME === undefined ? undefined : join(env.HOME, '.docker'));
  if (directory === undefined) return undefined;
  const read = (name: string): Buffer => readFileSync(join(directory, name));
  try {
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
  } catch (cause) {
    throw new Fault(
      'invalid',
      'parameter.invalid',
      'The TLS files of the Docker engine cannot be read: DOCKER_CERT_PATH must hold ca.pem, cert.pem and key.pem.',
      { cause },
    );
  }
}
