import type { IncomingMessage } from 'node:http';
import type { Clock } from '@opensandbox/base';
import { cancelled, deadline, isFault } from '@opensandbox/base';
import type { ConfigSource } from './config-source.ts';
import { openCredentials } from './credentials.ts';
import { answerFault, connectionFault, refusalFault, timeoutFault } from './faults.ts';
import { createRateLimit } from './rate-limit.ts';
import type { RateLimitOptions } from './rate-limit.ts';
import { parseJson, readBody, retryAfterMs, send } from './send.ts';
import type { ApiRequest } from './send.ts';

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

type Exchange = (request: ApiRequest, signal: AbortSignal) => Promise<IncomingMessage>;

export function openApiClient(options: ApiClientOptions, clock: Clock): ApiClient {
  const credentials = openCredentials(options.source, clock);
  const rate = createRateLimit(options.rate ?? { perSecond: 0, burst: 1 }, clock);
  const userAgent = options.userAgent ?? 'opensandbox';

  const attempt: Exchange = async (request, signal) => {
    await rate.take(signal);
    const connection = await credentials.current(signal);
    const answer = await send({ request, connection, userAgent }, signal);
    const { statusCode: status = 0 } = answer;
    if (status >= 200 && status < 300) return answer;
    const body = parseJson(await readBody(answer, LARGEST_REFUSAL).catch(() => ''));
    throw refusalFault({ status, body, what: request.what, retryAfterMs: retryAfterMs(answer) });
  };

  /** Once more when the credentials were refused: they may have been replaced since they were read. */
  const exchange: Exchange = async (request, signal) => {
    try {
      return await attempt(request, signal);
    } catch (error) {
      if (!isFault(error, 'unauthenticated')) throw error;
      credentials.forget();
      return attempt(request, signal);
    }
  };

  const limits = { clock, timeoutMs: options.timeoutMs ?? TIMEOUT_MS };
  return {
    prepare: () => credentials.prepare(),
    call: (request, parent) =>
      limited(limits, request, parent, async (signal) => {
        const text = await readBody(await exchange(request, signal), LARGEST_ANSWER);
        const body = parseJson(text);
        if (body === undefined && text !== '')
          throw answerFault(`The answer to "${request.what}" is no JSON.`);
        return body;
      }),
    open: (request, parent) => openBody({ limits, exchange }, request, parent),
    [Symbol.dispose]: () => credentials[Symbol.dispose](),
  };
}

interface Limits {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** Runs `work` for the time that the request has, and turns whatever goes wrong into a Fault. */
async function limited<T>(
  { clock, timeoutMs }: Limits,
  request: ApiRequest,
  parent: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ms = request.timeoutMs ?? timeoutMs;
  using limit = deadline(clock, ms, parent, () => timeoutFault(request.what, ms));
  try {
    if (limit.signal.aborted) throw cancelled(limit.signal);
    return await work(limit.signal);
  } catch (error) {
    throw limit.signal.aborted ? cancelled(limit.signal) : connectionFault(error, request.what);
  }
}

/** The limit is for the beginning; then the body lives until it ends or `parent` aborts. */
async function openBody(
  { limits, exchange }: { readonly limits: Limits; readonly exchange: Exchange },
  request: ApiRequest,
  parent: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const life = new AbortController();
  const end = (): void => life.abort(parent.reason);
  const stop = (): void => parent.removeEventListener('abort', end);
  parent.addEventListener('abort', end, { once: true });
  try {
    const body = await limited(limits, request, parent, (signal) => {
      signal.addEventListener('abort', () => life.abort(signal.reason), { once: true });
      return exchange(request, life.signal);
    });
    body.once('close', stop);
    return body;
  } catch (error) {
    stop();
    throw error;
  }
}
