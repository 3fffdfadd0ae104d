import { once } from 'node:events';
import { request as plainRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Clock } from '@opensandbox/base';
import { cancelled, deadline, isFault } from '@opensandbox/base';
import type { ConfigSource } from './config-source.ts';
import type { Connection } from './credentials.ts';
import { openCredentials } from './credentials.ts';
import { answerFault, connectionFault, refusalFault, timeoutFault } from './faults.ts';
import { createRateLimit } from './rate-limit.ts';
import type { RateLimitOptions } from './rate-limit.ts';

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  /** `application/json` unless it is a patch of some kind. */
  readonly contentType?: string;
  /** For people: `list batchsandboxes.sandbox.opensandbox.io`. */
  readonly what: string;
  readonly timeoutMs?: number;
}

/** Speaks to one API server. All methods reject with Faults only, and never wait for ever. */
export interface ApiClient extends Disposable {
  /** Rejects when the configuration cannot be used, which no waiting mends. Asks nobody. */
  prepare(): Promise<void>;
  /** The parsed answer. */
  call(request: ApiRequest, signal: AbortSignal): Promise<unknown>;
  /** The body as it comes. Only the wait for its beginning is limited: whoever reads it owns the rest. */
  open(request: ApiRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

export interface ApiClientOptions {
  readonly source: ConfigSource;
  /** Of each call, beginning with the wait for its turn. */
  readonly timeoutMs?: number;
  readonly rate?: RateLimitOptions;
  readonly userAgent?: string;
}

const TIMEOUT_MS = 30_000;
/** A page of objects is far smaller; a server that goes on for ever is not read for ever. */
const LARGEST_ANSWER = 256 * 1024 * 1024;
const LARGEST_REFUSAL = 64 * 1024;
const KEEP_ALIVE_MS = 30_000;

export function openApiClient(options: ApiClientOptions, clock: Clock): ApiClient {
  const credentials = openCredentials(options.source, clock);
  const rate = createRateLimit(options.rate ?? { perSecond: 0, burst: 1 }, clock);
  const userAgent = options.userAgent ?? 'opensandbox';

  async function attempt(request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
    await rate.take(signal);
    const connection = await credentials.current(signal);
    const answer = await send({ request, connection, userAgent }, signal);
    if (isSuccess(answer)) return answer;
    const body = parseJson(await readBody(answer, LARGEST_REFUSAL).catch(() => ''));
    const status = answer.statusCode ?? 0;
    throw refusalFault({ status, body, what: request.what, retryAfterMs: retryAfterMs(answer) });
  }

  /** Once more when the credentials were refused: they may have been replaced since they were read. */
  async function exchange(request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
    try {
      return await attempt(request, signal);
    } catch (error) {
      if (!isFault(error, 'unauthenticated')) throw error;
      credentials.forget();
      return attempt(request, signal);
    }
  }

  function limited<T>(
    request: ApiRequest,
    parent: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const ms = request.timeoutMs ?? options.timeoutMs ?? TIMEOUT_MS;
    const limit = deadline(clock, ms, parent, () => timeoutFault(request.what, ms));
    const working = limit.signal.aborted ? Promise.reject(cancelled(limit.signal)) : work(limit.signal);
    return working
      .catch((error: unknown) => {
        throw limit.signal.aborted ? cancelled(limit.signal) : connectionFault(error, request.what);
      })
      .finally(() => limit[Symbol.dispose]());
  }

  return {
    prepare: () => credentials.prepare(),
    call: (request, parent) =>
      limited(request, parent, async (signal) => {
        const text = await readBody(await exchange(request, signal), LARGEST_ANSWER);
        const body = parseJson(text);
        if (body === undefined && text !== '')
          throw answerFault(`The answer to "${request.what}" is no JSON.`);
        return body;
      }),
    async open(request, parent) {
      const life = new AbortController();
      const end = (): void => life.abort(parent.reason);
      parent.addEventListener('abort', end, { once: true });
      const stop = (): void => parent.removeEventListener('abort', end);
      try {
        const body = await limited(request, parent, (signal) => {
          signal.addEventListener('abort', () => life.abort(signal.reason), { once: true });
          return exchange(request, life.signal);
        });
        body.once('close', stop);
        return body;
      } catch (error) {
        stop();
        throw error;
      }
    },
    [Symbol.dispose]: () => credentials[Symbol.dispose](),
  };
}

interface Sending {
  readonly request: ApiRequest;
  readonly connection: Connection;
  readonly userAgent: string;
}

/** Sends one request. The answer's body ends with an error when `signal` aborts. */
async function send(
  { request, connection, userAgent }: Sending,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const url = addressOf(connection.server, request);
  const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
  const sending = (url.protocol === 'http:' ? plainRequest : tlsRequest)(url, {
    method: request.method ?? 'GET',
    agent: connection.agent,
    signal,
    headers: {
      Accept: 'application/json',
      'User-Agent': userAgent,
      ...connection.headers,
      ...(body === undefined
        ? {}
        : { 'Content-Type': request.contentType ?? 'application/json', 'Content-Length': body.length }),
    },
  });
  sending.once('socket', (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
  // Errors after the answer has begun come out of its body; nobody listens here any more.
  sending.on('error', () => undefined);
  sending.end(body);
  const [answer] = (await once(sending, 'response')) as [IncomingMessage];
  answer.on('error', () => undefined);
  return answer;
}

export function addressOf(server: URL, { path, query }: ApiRequest): URL {
  const url = new URL(server);
  url.pathname = `${server.pathname.replace(/\/+$/, '')}${path}`;
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

async function readBody(answer: IncomingMessage, largest: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > largest) throw answerFault(`The API server sent more than ${largest} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A proxy in between, or a path that nobody serves, answers in plain text.
    return undefined;
  }
}

function retryAfterMs({ headers }: IncomingMessage): number | undefined {
  const seconds = Number(headers['retry-after']);
  return headers['retry-after'] !== undefined && Number.isFinite(seconds) && seconds >= 0
    ? seconds * 1000
    : undefined;
}
