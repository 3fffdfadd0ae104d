import { setMaxListeners } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Clock } from '@opensandbox/base';
import { createSemaphore, deadline, isFault } from '@opensandbox/base';
import { engineTimeout, readConnectionFailure, readEngineFailure } from '../faults.ts';
import type { Connection } from './connection.ts';
import type { EngineRequest, HttpClient } from './http-client.ts';
import { openHttpClient, send } from './http-client.ts';
import { CONNECT_SECONDS } from './ssh-connection.ts';

export type { EngineRequest };

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
 * Most connections for calls that read, and for calls that change something. The question whether the engine
 * lives and streams have their own, so that a burst of removals cannot make the engine look dead.
 */
const NETWORK = { reads: 16, writes: 32, idle: 32 };
/**
 * Over ssh each is a process, here and there, and a server of the usual settings turns away the eleventh that logs in
 * at the same time.
 */
const SSH = { reads: 3, writes: 4, idle: 3 };

/** `version` is the API version that every path asks for; `undefined` when the paths say it themselves, or none. */
export function openTransport(connection: Connection, version: string | undefined, clock: Clock): Transport {
  const most = connection.protocol === 'ssh' ? SSH : NETWORK;
  const keep = (maxSockets: number): HttpClient =>
    openHttpClient(connection, version, { keepAlive: true, maxSockets, maxFreeSockets: most.idle });
  const [pings, reads, writes] = [keep(1), keep(most.reads), keep(most.writes)];
  const writeSlots = createSemaphore(most.writes);
  const streams = openHttpClient(connection, version, { keepAlive: false });
  // Any call may have to make its connection first, and over ssh somebody has to log in for it.
  const loginMs = connection.protocol === 'ssh' ? CONNECT_SECONDS * 1000 : 0;
  const patient = (request: EngineRequest): EngineRequest => ({
    ...request,
    timeoutMs: request.timeoutMs + loginMs,
  });

  function clientFor({ method, path }: EngineRequest): HttpClient {
    if (path.endsWith('/_ping')) return pings;
    return method === 'GET' || method === 'HEAD' ? reads : writes;
  }

  async function once(request: EngineRequest, signal: AbortSignal): Promise<EngineAnswer> {
    using limit = withinTime(clock, patient(request), signal);
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
      if (isRefusal(answer.status)) throw readEngineFailure(answer.status, readJson(answer.body));
      return answer;
    },
    async open(request, signal) {
      const response = await openStream(streams, patient(request), { clock, signal });
      if (!isRefusal(response.statusCode ?? 0)) return response;
      const body = await buffer(response).catch(() => Buffer.alloc(0)); // the status alone says enough
      throw readEngineFailure(response.statusCode ?? 0, readJson(body));
    },
    [Symbol.dispose]() {
      for (const client of [pings, reads, writes]) client.agent.destroy();
      streams.agent.destroy();
    },
  };
}

/** 304 says that it is so already. Any other redirection is no answer: an engine sends them for odd paths. */
function isRefusal(status: number): boolean {
  return status >= 300 && status !== 304;
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
  client: HttpClient,
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
