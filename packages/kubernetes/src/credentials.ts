import { readFile } from 'node:fs/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { AgentOptions, RequestOptions } from 'node:https';
import type { Clock } from '@opensandbox/base';
import { abortable, isFault } from '@opensandbox/base';
import { configFault } from './faults.ts';
import type { ConfigSource } from './config-source.ts';
import { loadConfig } from './load-config.ts';
import type { LoadedConfig } from './load-config.ts';

/** All that a request needs to reach the API server and be known there. */
export interface Connection {
  readonly server: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: HttpAgent;
}

export interface Credentials extends Disposable {
  /** Reads the configuration alone. Rejects with a Fault when it cannot be used at all. */
  prepare(): Promise<void>;
  /** Never older than half a minute: certificates and tokens change while a process runs. */
  current(signal: AbortSignal): Promise<Connection>;
  /** After the API server refused them: the next call reads everything again. */
  forget(): void;
}

const LONGEST_AGE_MS = 30_000;

interface Reading {
  readonly connection: Connection;
  readonly readAt: number;
}

export function openCredentials(source: ConfigSource, clock: Clock): Credentials {
  /** Shared by all who ask meanwhile, and outlives them: a plugin that hangs is not started over and over. */
  let reading: Promise<Reading> | undefined;
  let loaded: LoadedConfig | undefined;
  let last: Reading | undefined;
  let agent: { readonly material: string; readonly agent: HttpAgent } | undefined;

  async function read(): Promise<Reading> {
    loaded ??= await loadConfig(source);
    const readAt = clock.now();
    const settings = await readSettings(loaded);
    const { server, proxyUrl } = clusterOf(loaded);
    const material = materialOf(server, proxyUrl, settings);
    if (agent?.material !== material) {
      retire(agent?.agent);
      agent = { material, agent: newAgent(server, proxyUrl, settings) };
    }
    const connection = { server: new URL(server), headers: headersOf(settings), agent: agent.agent };
    last = { connection, readAt };
    return last;
  }

  return {
    async prepare() {
      loaded ??= await loadConfig(source);
    },
    async current(signal) {
      const age = last === undefined ? Infinity : Math.abs(clock.now() - last.readAt);
      if (last !== undefined && age <= LONGEST_AGE_MS) return last.connection;
      reading ??= read().finally(() => (reading = undefined));
      return (await abortable(reading, signal)).connection;
    },
    forget() {
      // The library remembers tokens of plugins as well, so all of it goes.
      loaded = undefined;
      last = undefined;
    },
    [Symbol.dispose]() {
      agent?.agent.destroy();
    },
  };
}

/** What a connection is made of: a change of it takes new connections. */
function materialOf(server: string, proxyUrl: string | undefined, settings: RequestOptions): string {
  const { ca, cert, key, rejectUnauthorized, servername } = settings;
  return JSON.stringify([server, proxyUrl, ca, cert, key, rejectUnauthorized, servername]);
}

function clusterOf({ config }: LoadedConfig): {
  readonly server: string;
  readonly proxyUrl: string | undefined;
} {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw configFault('The kubeconfig names no cluster.');
  return { server: cluster.server, proxyUrl: cluster.proxyUrl };
}

async function readSettings({ config, tokenFile }: LoadedConfig): Promise<RequestOptions> {
  const settings: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(settings);
    if (tokenFile !== undefined) {
      const token = (await readFile(tokenFile, 'utf8')).trim();
      settings.headers = { ...headersOf(settings), Authorization: `Bearer ${token}` };
    }
  } catch (error) {
    if (isFault(error)) throw error;
    // What a plugin writes may hold a secret: only the kind of the error is told.
    const code = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.name) : 'unknown';
    throw configFault(`The credentials for the API server cannot be had (${code}).`, error);
  }
  return settings;
}

function headersOf({ headers, auth }: RequestOptions): Readonly<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {}))
    if (value !== undefined) all[name] = String(value);
  if (typeof auth === 'string' && all['Authorization'] === undefined)
    all['Authorization'] = `Basic ${Buffer.from(auth).toString('base64')}`;
  return all;
}

/** The library makes an agent for each request, and so a TLS handshake; through a proxy that has to do. */
function newAgent(server: string, proxyUrl: string | undefined, settings: RequestOptions): HttpAgent {
  if (proxyUrl !== undefined && settings.agent instanceof HttpAgent) return settings.agent;
  const options: AgentOptions = { keepAlive: true, maxFreeSockets: 16 };
  if (server.startsWith('http:')) return new HttpAgent(options);
  const { ca, cert, key, rejectUnauthorized, servername } = settings;
  return new HttpsAgent({ ...options, ca, cert, key, rejectUnauthorized, servername });
}

/** Requests on their way go on; nothing new, and no connection is kept. */
function retire(agent: HttpAgent | undefined): void {
  if (agent === undefined) return;
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) sockets?.forEach((socket) => socket.destroy());
}
