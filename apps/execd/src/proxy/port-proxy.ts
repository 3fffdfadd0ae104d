import type { Logger } from '@opensandbox/base';
import { SEALED_HEAD, headerIn, openRequest, sealAnswer } from '@opensandbox/http';
import type { ProxiedPath } from '../request-path.ts';
import type { ByteReader } from './byte-reader.ts';
import {
  OWN_ANSWER_HEADER,
  forwardedHeaders,
  returnedHeaders,
  sealableHeaders,
  withOwn,
} from './forwarded-headers.ts';
import type { BodyFraming } from './message-body.ts';
import { readBody, responseFraming } from './message-body.ts';
import type { Upstream, UpstreamRequest } from './upstream.ts';
import { openUpstream } from './upstream.ts';
import type { WebSocketRelay } from './web-socket-relay.ts';
import { createWebSocketRelay } from './web-socket-relay.ts';

/** Who sent a request, and the way to turn its connection into a WebSocket. */
export interface Visitor {
  readonly address: string | undefined;
  /** False when the request is no sound handshake. */
  upgrade(headers: Headers, relay: WebSocketRelay): boolean;
}

export interface ProxyTarget extends ProxiedPath {
  readonly query: string;
  /** In place of what the client said of its trace. */
  readonly traceHeaders?: readonly string[];
}

/** Passes a request on to a port of this sandbox. Undefined when its connection became a WebSocket. */
export type PortProxy = (
  request: Request,
  target: ProxyTarget,
  visitor: Visitor,
) => Promise<Response | undefined>;

/** A body up to this size is answered whole, which lets it keep its length; a longer one is streamed. */
const WHOLE_BODY_BYTES = 64 * 1024;

export function createPortProxy(log: Logger): PortProxy {
  return async (request, target, visitor) => {
    const port = parsePort(target.port);
    if (target.port === '') return plainText(400, 'port is required');
    if (port === undefined) return plainText(400, `invalid port ${target.port}`);
    const wantsSocket = isWebSocketHandshake(request);
    const takesSeals = request.headers.has(SEALED_HEAD);
    if (takesSeals && hasLostItsBody(request)) return badGateway('resend');
    const asked = upstreamRequest(request, target, port, visitor);
    let upstream: Upstream;
    try {
      upstream = await openUpstream(asked, request.signal);
    } catch (error) {
      log.debug('proxy.failed', { port, error });
      return badGateway(isRefusal(error) ? 'refused' : 'failed');
    }
    if (!wantsSocket || upstream.head.status !== 101) return answer(asked.head.method, upstream, takesSeals);
    const relay = createWebSocketRelay(upstream, (error) => log.debug('proxy.relay_failed', { port, error }));
    if (visitor.upgrade(handshakeHeaders(upstream), relay)) return undefined;
    upstream.socket.destroy();
    return plainText(400, 'Bad Request');
  };
}

function upstreamRequest(
  request: Request,
  target: ProxyTarget,
  port: number,
  visitor: Visitor,
): UpstreamRequest {
  const sealed = openRequest(request.headers.get(SEALED_HEAD));
  const isTold = request.headers.has(SEALED_HEAD);
  const sent =
    sealed === undefined
      ? [...request.headers].flat()
      : ['Host', request.headers.get('host') ?? 'localhost', ...sealed.rawHeaders];
  const traced = withOwn(sent, target.traceHeaders ?? []);
  const rawHeaders = forwardedHeaders(traced, visitor.address, isTold);
  const length = request.headers.get('content-length');
  const body = request.body as unknown as AsyncIterable<Uint8Array> | null;
  if (isWebSocketHandshake(request)) rawHeaders.push('Connection', 'Upgrade', 'Upgrade', 'websocket');
  else rawHeaders.push('Connection', 'close');
  if (body !== null) rawHeaders.push(...(length === null ? CHUNKED : ['Content-Length', length]));
  if (body === null && length === '0') rawHeaders.push('Content-Length', '0');
  return {
    port,
    head: {
      method: sealed?.method ?? request.method,
      target: sealed?.target ?? target.rest + target.query,
      rawHeaders,
    },
    body: body ?? undefined,
    chunked: length === null,
  };
}

const CHUNKED: readonly string[] = ['Transfer-Encoding', 'chunked'];

async function answer(method: string, upstream: Upstream, takesSeals: boolean): Promise<Response> {
  const { head, reader, socket } = upstream;
  try {
    const framing = responseFraming(method, head);
    const keepsLength = framing.kind === 'none' && headerIn(head.rawHeaders, 'content-length') !== undefined;
    const isStreamed = framing.kind !== 'length' || framing.bytes > WHOLE_BODY_BYTES;
    const init = { status: head.status, headers: returnedHeaders(head.rawHeaders, keepsLength) };
    const seal = takesSeals
      ? sealAnswer(sealableHeaders(head.rawHeaders), isStreamed && framing.kind === 'length')
      : undefined;
    if (seal !== undefined) init.headers.set(SEALED_HEAD, seal);
    if (framing.kind === 'none') {
      socket.destroy();
      return new Response(null, init);
    }
    if (framing.kind !== 'length' || isStreamed) return new Response(streamBody(upstream, framing), init);
    const whole = await readWhole(reader, framing);
    socket.destroy();
    return new Response(whole, init);
  } catch {
    socket.destroy();
    return badGateway('failed');
  }
}

async function readWhole(reader: ByteReader, framing: BodyFraming): Promise<Buffer<ArrayBuffer>> {
  const pieces: Buffer[] = [];
  for await (const piece of readBody(reader, framing)) pieces.push(piece);
  return Buffer.concat(pieces);
}

function streamBody(upstream: Upstream, framing: BodyFraming): ReadableStream<Uint8Array> {
  const pieces = readBody(upstream.reader, framing);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await pieces.next();
      if (next.done !== true) controller.enqueue(next.value);
      else {
        controller.close();
        upstream.socket.destroy();
      }
    },
    cancel() {
      upstream.socket.destroy();
    },
  });
}

/** What the application said while it accepted; the rest of the handshake is between us and the client. */
function handshakeHeaders(upstream: Upstream): Headers {
  const headers = returnedHeaders(upstream.head.rawHeaders, false);
  headers.delete('sec-websocket-accept');
  headers.delete('sec-websocket-extensions');
  return headers;
}

function isWebSocketHandshake(request: Request): boolean {
  return request.method === 'GET' && isSocketRequest(request.headers);
}

function isSocketRequest(headers: Headers): boolean {
  return headers.get('upgrade')?.toLowerCase() === 'websocket';
}

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** The runtime throws the body of a GET away; sent once more as another method with a sealed head, it arrives. */
function hasLostItsBody({ method, headers, body }: Request): boolean {
  if (method !== 'GET' || body !== null || isSocketRequest(headers)) return false;
  return headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0;
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}

function badGateway(why: 'refused' | 'failed' | 'resend'): Response {
  const response = plainText(502, 'Bad Gateway');
  response.headers.set(OWN_ANSWER_HEADER, why);
  return response;
}

function plainText(status: number, text: string): Response {
  return new Response(text, { status, headers: { 'Content-Type': 'text/plain; charset=utf-8' } });
}
