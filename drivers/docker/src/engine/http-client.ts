import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { AgentOptions, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { unreadableAgent } from '../faults.ts';
import type { Connection } from './connection.ts';
import { sshAgent } from './ssh-connection.ts';

export interface EngineRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Every part already encoded. */
  readonly path: string;
  /** Entries whose value is `undefined` are left out. */
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  /** A body of this type, sent as it comes. */
  readonly tar?: Readable;
  readonly headers?: Readonly<Record<string, string>>;
  /** Longest time until the answer is complete; for `open`, until its headers are there. */
  readonly timeoutMs: number;
}

/** One set of connections to the engine. */
export interface HttpClient {
  readonly request: typeof httpRequest;
  readonly address: { readonly socketPath: string } | { readonly host: string; readonly port: number };
  readonly agent: HttpAgent;
  /** `/v1.41`, or nothing. */
  readonly prefix: string;
}

export function openHttpClient(
  connection: Connection,
  version: string | undefined,
  options: AgentOptions,
): HttpClient {
  const { protocol, socketPath, host = '', port = 0 } = connection;
  return {
    request: protocol === 'https' ? httpsRequest : httpRequest,
    address: socketPath === undefined ? { host, port } : { socketPath },
    agent: openAgent(connection, options),
    prefix: version === undefined ? '' : `/v${version}`,
  };
}

function openAgent(connection: Connection, options: AgentOptions): HttpAgent {
  const { protocol, tls } = connection;
  if (protocol === 'ssh') return sshAgent(connection, options);
  if (protocol === 'http') return new HttpAgent(options);
  return new HttpsAgent({ ...options, ...tls?.files, rejectUnauthorized: tls?.verify ?? true });
}

/** Resolves with the answer's headers; its body is still to come. */
export function send(
  client: HttpClient,
  request: EngineRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) query.append(name, value);
  }
  const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
  return new Promise((resolve, reject) => {
    const outgoing = client.request({
      ...client.address,
      agent: client.agent,
      method: request.method,
      path: `${client.prefix}${request.path}${query.size === 0 ? '' : '?'}${query.toString()}`,
      headers: { ...request.headers, ...describeBody(request, payload) },
      signal,
    });
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    if (request.tar === undefined) {
      outgoing.end(payload);
      return;
    }
    // Before the pipeline listens: an error here, while the request still stands, is not the connection's.
    request.tar.once('error', (error) => {
      if (!outgoing.destroyed) reject(unreadableAgent(error));
    });
    pipeline(request.tar, outgoing).catch(reject);
  });
}

function describeBody(request: EngineRequest, payload: string | undefined): Readonly<Record<string, string>> {
  if (request.tar !== undefined) return { 'content-type': 'application/x-tar' };
  if (payload === undefined) return {};
  return { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(payload)) };
}
