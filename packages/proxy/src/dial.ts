import { type Socket, connect } from 'node:net';
import { type Clock, Fault, abortable, deadline } from '@opensandbox/base';

const CONNECT_TIMEOUT_MS = 10_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Longest head of a handshake answer that is read before giving up. */
const LONGEST_HEAD_BYTES = 64 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');

export interface Handshake {
  readonly host: string;
  readonly port: number;
  /** The whole request head, its empty line included. */
  readonly head: string;
}

export interface HandshakeAnswer {
  readonly socket: Socket;
  readonly status: number;
  /** Everything that was read so far: the head, and what came right behind it. */
  readonly bytes: Buffer;
  /** Where the head ends in `bytes`. */
  readonly headBytes: number;
}

/** Connects, sends a handshake and reads the head of its answer. The socket is closed when this fails. */
export async function dial(
  { host, port, head }: Handshake,
  clock: Clock,
  signal: AbortSignal,
): Promise<HandshakeAnswer> {
  const socket = connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    allowHalfOpen: true,
  });
  try {
    await within(CONNECT_TIMEOUT_MS, connected(socket), clock, signal);
    socket.write(head, 'latin1');
    const bytes = await within(HANDSHAKE_TIMEOUT_MS, readHead(socket), clock, signal);
    const headEnd = bytes.indexOf(HEAD_END);
    const headBytes = headEnd === -1 ? bytes.length : headEnd + HEAD_END.length;
    return { socket, status: headEnd === -1 ? 0 : statusIn(bytes), bytes, headBytes };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function within<T>(ms: number, work: Promise<T>, clock: Clock, signal: AbortSignal): Promise<T> {
  using limit = deadline(clock, ms, signal, tooSlow);
  return await abortable(work, limit.signal);
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.on('error', reject);
  });
}

/** Reads up to the end of the head, and stops reading there. */
function readHead(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const onEnd = (): void => reject(new Error('the service closed the connection during the handshake'));
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!bytes.includes(HEAD_END) && bytes.length <= LONGEST_HEAD_BYTES) return;
      socket.removeListener('data', onData);
      socket.removeListener('end', onEnd);
      socket.removeListener('error', reject);
      socket.pause();
      resolve(bytes);
    };
    socket.on('data', onData);
    socket.once('end', onEnd);
    socket.once('error', reject);
  });
}

/** The status of an HTTP/1 answer, or 0 when it is none. */
function statusIn(bytes: Buffer): number {
  const match = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(bytes.subarray(0, 16).toString('latin1'));
  return match === null ? 0 : Number(match[1]);
}

function tooSlow(): Fault {
  return new Fault('timeout', 'proxy.timeout', 'The service did not answer the handshake in time.');
}
