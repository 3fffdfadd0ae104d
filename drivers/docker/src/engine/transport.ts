import { setMaxListeners } from 'node:events';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { AgentOptions, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';
import type { Clock } from '@opensandbox/base';
import { createSemaphore, deadline, isFault } from '@opensandbox/base';
import { engineTimeout, readConnectionFailure, readEngineFailure, unreadableAgent } from '../faults.ts';
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

export interface EngineAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Speaks HTTP with the engine. Rejects only with Fault; a status of 400 or more is a rejection. */
export interface Transport extends Disposable {
  call(request: EngineRequest, signal: AbortSignal): Promise<EngineAnswer>;
  /** The answer as it comes. It is destroyed when `signal` aborts. */
  open(request: EngineRequest, signal: AbortSignal): Promise<IncomingMessage>;
}

/**
 * Connections kept for calls that read, and for calls that change something. The question whether the engine
 * lives and streams have their own, so that a burst of removals cannot make the engine look dead.
 */
const MOST_READS = 16;
const MOST_WRITES = 32;

interface Client {
  readonly request: typeof httpRequest;
  readonly address: { readonly socketPath: string } | { readonly host: string; readonly port: number };
  readonly agent: HttpAgent;
  /** `/v1.41`, or nothing. */
  readonly prefix: string;
}

/** `version` is the API version that every path asks for; `undefined` when the paths say it themselves, or none. */
export function openTransport(connection: Connection, version: string | undefined, clock: Clock): Transport {
  const pings = connect(connection, version, { keepAlive: true, maxSockets: 1 });
  const reads = connect(connection, version, { keepAlive: true, maxSockets: MOST_READS });
  const writes = connect(connection, version, { keepAlive: true, maxSockets: MOST_WRITES });
  const writeSlots = createSemaphore(MOST_WRITES);
  const streams = connect(connection, version, { keepAlive: false });

  function clientFor({ method, path }: EngineRequest): Client {
    if (path.endsWith('/_ping')) return pings;
    return method === 'GET' || method === 'HEAD' ? reads : writes;
  }

  async function once(request: EngineRequest, signal: AbortSignal): Promise<EngineAnswer> {
    using limit = withinTime(clock, request, signal);
    try {
      const response = await send(clientFor(request), request, limit.signal);
      const body = await buffer(response);
      return { status: response.statusCode ?? 0, headers: response.headers, body };
    } catch (error) {
      throw readConnectionFailure(error, limit.signal);
    }
  }

  return {
    async call(request, signal) {
      // A change waits for its turn before its time starts to run.
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      const first = isRead ? once(request, signal) : writeSlots.run(() => once(request, signal), signal);
      const answer = await first.catch((error: unknown) => {
        // A kept connection may have been closed by the engine just before it was used again.
        if (!isRead || !isFault(error, 'unavailable')) throw error;
        return once(request, signal);
      });
      if (answer.status >= 400) throw readEngineFailure(answer.status, readJson(answer.body));
      return answer;
    },
    async open(request, signal) {
      const response = await openStream(streams, request, { clock, signal });
      if ((response.statusCode ?? 0) < 400) return response;
      const body = await buffer(response).catch(() => Buffer.alloc(0)); // the status alone says enough
      throw readEngineFailure(response.statusCode ?? 0, readJson(body));
    },
    [Symbol.dispose]() {
      for (const client of [pings, reads, writes]) client.agent.destroy();
      streams.agent.destroy();
    },
  };
}

export function readJson(body: Buffer): unknown {
  const text = body.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text; // an old engine or a proxy in between: the text is all there is
  }
}

/** The time limit ends with the headers; from then on only `signal` ends the stream. */
async function openStream(
  client: Client,
  request: EngineRequest,
  bounds: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<IncomingMessage> {
  const life = new AbortController();
  const stop = (): void => life.abort(bounds.signal.reason);
  bounds.signal.addEventListener('abort', stop, { once: true });
  using limit = withinTime(bounds.clock, request, bounds.signal);
  limit.signal.addEventListener('abort', () => life.abort(limit.signal.reason), { once: true });
  try {
    const response = await send(client, request, life.signal);
    response.once('close', () => bounds.signal.removeEventListener('abort', stop));
    return response;
  } catch (error) {
    bounds.signal.removeEventListener('abort', stop);
    throw readConnectionFailure(error, life.signal);
  }
}

function withinTime(
  clock: Clock,
  request: EngineRequest,
  signal: AbortSignal,
): Disposable & { readonly signal: AbortSignal } {
  setMaxListeners(0, signal); // every call under way listens, and callers share their signal
  const what = `${request.method} ${request.path}`;
  return deadline(clock, request.timeoutMs, signal, () => engineTimeout(what, request.timeoutMs));
}

function connect(connection: Connection, version: string | undefined, options: AgentOptions): Client {
  const isSecure = connection.protocol === 'https';
  const { socketPath, host = '', port = 0 } = connection;
  return {
    request: isSecure ? httpsRequest : httpRequest,
    address: socketPath === undefined ? { host, port } : { socketPath },
    agent:
      connection.protocol === 'ssh'
        ? sshAgent(connection)
        : isSecure
          ? new HttpsAgent({ ...options, ...connection.tls })
          : new HttpAgent(options),
    prefix: version === undefined ? '' : `/v${version}`,
  };
}

function send(client: Client, request: EngineRequest, signal: AbortSignal): Promise<IncomingMessage> {
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
