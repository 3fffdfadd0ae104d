import type { Socket } from 'node:net';
import { createByteReader } from './byte-reader.ts';
import type { ByteReader } from './byte-reader.ts';
import type { RequestHead, ResponseHead } from './message-head.ts';
import { formatRequestHead, readResponseHead } from './message-head.ts';

/** A connection to a port of this sandbox that has answered. */
export interface Upstream {
  readonly socket: Socket;
  readonly reader: ByteReader;
  readonly head: ResponseHead;
}

export interface UpstreamRequest {
  readonly port: number;
  readonly head: RequestHead;
  readonly body: AsyncIterable<Uint8Array> | undefined;
  /** The body has no known length and travels in chunks. */
  readonly chunked: boolean;
}

/** Sends a request and waits for the head of its answer. The body goes on being sent meanwhile. */
export async function openUpstream(request: UpstreamRequest, signal: AbortSignal): Promise<Upstream> {
  const socket = await connectInside(request.port, signal);
  const abandon = (): void => void socket.destroy();
  signal.addEventListener('abort', abandon, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', abandon));
  if (signal.aborted) abandon();
  const reader = createByteReader(socket);
  try {
    socket.write(formatRequestHead(request.head), 'latin1');
    // An application may answer without having read everything: then this ends with the connection.
    sendBody(socket, request).catch(abandon);
    const head = await readResponseHead(reader);
    // Its request ends when a WebSocket does: what is still to be said, the goodbye, would be cut off.
    if (head.status === 101) signal.removeEventListener('abort', abandon);
    return { socket, reader, head };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Programs that listen on `localhost` may have taken either of its addresses. */
async function connectInside(port: number, signal: AbortSignal): Promise<Socket> {
  try {
    return await connectTo('127.0.0.1', port, signal);
  } catch (refusal) {
    try {
      return await connectTo('::1', port, signal);
    } catch {
      throw refusal; // what the second address says may only be that there is none
    }
  }
}

async function connectTo(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  // Loaded with the first proxied request: an agent that starts has no time for what it may never need.
  const { connect } = await import('node:net');
  const socket = connect({ host, port, noDelay: true });
  const abandon = (): void => void socket.destroy();
  signal.addEventListener('abort', abandon, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection was closed')));
    });
    return socket;
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}

async function sendBody(socket: Socket, request: UpstreamRequest): Promise<void> {
  if (request.body === undefined) return;
  for await (const piece of request.body) {
    if (piece.length === 0) continue;
    if (request.chunked) socket.write(`${piece.length.toString(16)}\r\n`);
    await writeAll(socket, piece);
    if (request.chunked) socket.write('\r\n');
  }
  if (request.chunked) socket.write('0\r\n\r\n');
}

/** Resolves when there is room for more, or the connection is gone. */
export function writeAll(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (socket.destroyed || socket.write(bytes)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.once('drain', done);
    socket.once('close', done);
  });
}
