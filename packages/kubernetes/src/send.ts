import { once } from 'node:events';
import { request as plainRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Connection } from './credentials.ts';
import { answerFault } from './faults.ts';

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

export interface Sending {
  readonly request: ApiRequest;
  readonly connection: Connection;
  readonly userAgent: string;
}

const KEEP_ALIVE_MS = 30_000;

/** Sends one request. The answer's body ends with an error when `signal` aborts. */
export async function send(
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

export function addressOf(server: URL, { path, query }: Pick<ApiRequest, 'path' | 'query'>): URL {
  const url = new URL(server);
  url.pathname = `${server.pathname.replace(/\/+$/, '')}${path}`;
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

export async function readBody(answer: IncomingMessage, largest: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > largest) throw answerFault(`The API server sent more than ${largest} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Undefined for what is no JSON: a proxy in between, or a path that nobody serves, answers in plain text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export function retryAfterMs({ headers }: Pick<IncomingMessage, 'headers'>): number | undefined {
  const text = headers['retry-after'];
  const seconds = Number(text);
  return text !== undefined && Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
