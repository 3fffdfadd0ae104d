import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { Fault } from '@opensandbox/base';
import type { DockerEnvironment } from '../deps.ts';
import { readEndpoint } from './contexts.ts';
import type { Endpoint } from './contexts.ts';
import { readEnvironmentTls } from './tls-files.ts';
import type { Tls } from './tls-files.ts';

/** How the engine is reached, and under which address its published ports are. */
export interface Connection {
  readonly protocol: 'http' | 'https' | 'ssh';
  readonly socketPath: string | undefined;
  readonly host: string | undefined;
  /** `undefined` over ssh: what the user's own ssh configuration says. */
  readonly port: number | undefined;
  readonly username: string | undefined;
  /** Over ssh: the engine's socket on the far side, when it is not the usual one. */
  readonly farSocket: string | undefined;
  readonly tls: Tls | undefined;
  /** Address of the engine's host as this server dials it. */
  readonly dialHost: string;
  /** Whether a variable or a context named it; `false` for the usual socket. */
  readonly isChosen: boolean;
  /** The API version that the environment asks for. */
  readonly apiVersion: string | undefined;
  /** For messages. */
  readonly name: string;
}

export const LOOPBACK = '127.0.0.1';
const DEFAULT_SOCKET = '/var/run/docker.sock';
const PORTS = { 'tcp:': 2375, 'http:': 2375, 'https:': 2376, 'ssh:': undefined } as const;
const TLS_PORT = 2376;

/**
 * Where the engine is, by the rules of the Docker CLI: `DOCKER_HOST`, else the context that `DOCKER_CONTEXT` or the
 * CLI's configuration names, else the usual local socket.
 */
export function readConnection(env: DockerEnvironment): Connection {
  const endpoint = readEndpoint(env);
  const connection = readAddress(endpoint, env);
  const apiVersion = readApiVersion(env);
  const name = endpoint.context === undefined ? connection.name : `${connection.name}, ${endpoint.source}`;
  return { ...connection, isChosen: endpoint.host !== '', apiVersion, name };
}

type Address = Omit<Connection, 'apiVersion' | 'isChosen'>;

function readAddress(endpoint: Endpoint, env: DockerEnvironment): Address {
  const { host: text } = endpoint;
  if (text === '') return overSocket(defaultSocket(env));
  if (text.startsWith('unix://')) return overSocket(text.slice('unix://'.length) || defaultSocket(env));
  if (text.startsWith('npipe://')) {
    return overSocket(text.slice('npipe://'.length) || '//./pipe/docker_engine', 'npipe');
  }
  return overNetwork(text.includes('://') ? text : `tcp://${text}`, endpoint, env);
}

function defaultSocket(env: DockerEnvironment): string {
  const own = env.HOME === undefined ? undefined : join(env.HOME, '.docker/run/docker.sock');
  return own !== undefined && !existsSync(DEFAULT_SOCKET) && existsSync(own) ? own : DEFAULT_SOCKET;
}

function overSocket(socketPath: string, scheme = 'unix'): Address {
  const absent = { host: undefined, port: undefined, username: undefined, farSocket: undefined };
  return {
    ...absent,
    protocol: 'http',
    socketPath,
    tls: undefined,
    dialHost: LOOPBACK,
    name: `${scheme}://${socketPath}`,
  };
}

function overNetwork(text: string, endpoint: Endpoint, env: DockerEnvironment): Address {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !(url.protocol in PORTS) || url.hostname === '') throw noAddress(endpoint);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const common = { socketPath: undefined, host, dialHost: host, name: `${url.protocol}//${url.host}` };
  const username = url.username === '' ? undefined : decodeURIComponent(url.username);
  if (url.protocol === 'ssh:') {
    const farSocket = url.pathname.length > 1 ? decodeURIComponent(url.pathname) : undefined;
    const port = url.port === '' ? undefined : Number(url.port);
    return { ...common, protocol: 'ssh', port, username, farSocket, tls: undefined };
  }
  const tls = readTls(url, endpoint, env);
  const usual = tls === undefined ? PORTS[url.protocol as 'tcp:'] : TLS_PORT;
  return {
    ...common,
    protocol: tls === undefined ? 'http' : 'https',
    port: url.port === '' ? usual : Number(url.port),
    username,
    farSocket: undefined,
    tls,
  };
}

/** A context brings its own files; the variables belong to `DOCKER_HOST`. */
function readTls(url: URL, endpoint: Endpoint, env: DockerEnvironment): Tls | undefined {
  const isSecure = url.protocol === 'https:';
  if (endpoint.context !== undefined) {
    return endpoint.context.tls ?? (isSecure ? { verify: true, files: {} } : undefined);
  }
  const isAsked = isSet(env.DOCKER_TLS_VERIFY) || isSet(env.DOCKER_TLS);
  return isSecure || isAsked || url.port === String(TLS_PORT) ? readEnvironmentTls(env) : undefined;
}

function isSet(text: string | undefined): boolean {
  return text !== undefined && text !== '';
}

function readApiVersion(env: DockerEnvironment): string | undefined {
  const text = env.DOCKER_API_VERSION?.trim() ?? '';
  if (text === '') return undefined;
  if (/^\d+\.\d+$/.test(text)) return text;
  throw new Fault(
    'invalid',
    'parameter.invalid',
    'DOCKER_API_VERSION is no version of the Docker API. Use a form like 1.41, or leave it out.',
  );
}

function noAddress({ source }: Endpoint): Fault {
  return new Fault(
    'invalid',
    'parameter.invalid',
    `${source} is not an address. Use unix:///path/to/socket, tcp://host:port or ssh://user@host.`,
  );
}

/** Whether ports that the engine publishes on its loopback address can be dialled from here. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
