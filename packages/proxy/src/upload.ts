import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Connection } from './connection.ts';

const NOTHING = Buffer.alloc(0);
/** So much may wait in memory for a service that reads slowly. */
const MOST_WAITING_BYTES = 256 * 1024;

/**
 * The body of a request on its way to the service, framed anew: by its length when it has one, else in chunks. Waits
 * when the service does not read.
 */
export class Upload {
  readonly #request: IncomingMessage;
  readonly #source: Readable;
  readonly #passed: (bytes: number) => void;
  readonly #isChunked: boolean;
  #connection: Connection | undefined;
  isComplete = false;

  constructor(request: IncomingMessage, source: Readable, passed: (bytes: number) => void) {
    this.#request = request;
    this.#source = source;
    this.#passed = passed;
    this.#isChunked = request.headers['transfer-encoding'] !== undefined;
  }

  /** Starts to send. What has arrived of the body leaves in one packet with `head`. */
  begin(connection: Connection, head: string): void {
    const { socket } = connection;
    this.#connection = connection;
    socket.cork();
    if (head !== '') socket.write(head, 'latin1');
    const first = (this.#source.read() ?? NOTHING) as Buffer;
    if (first.length > 0) this.#send(first);
    socket.uncork();
    this.#source.on('data', this.#onData);
    this.#source.on('end', this.#onEnd);
    if (this.#source.readableEnded) this.#onEnd();
  }

  drained(): void {
    if (!this.isComplete && this.#connection !== undefined) this.#source.resume();
  }

  /** Sends no more. */
  stop(): void {
    this.#connection = undefined;
    this.#source.removeListener('data', this.#onData);
    this.#source.removeListener('end', this.#onEnd);
  }

  readonly #onData = (bytes: Buffer): void => {
    if (!this.#send(bytes)) this.#source.pause();
  };

  readonly #onEnd = (): void => {
    const connection = this.#connection;
    if (this.isComplete || connection === undefined) return;
    this.isComplete = true;
    connection.hasMoved = true;
    if (this.#isChunked) connection.socket.write(lastChunk(this.#request.rawTrailers), 'latin1');
  };

  #send(bytes: Buffer): boolean {
    const connection = this.#connection;
    if (connection === undefined) return true;
    const { socket } = connection;
    connection.hasMoved = true;
    this.#passed(bytes.length);
    if (this.#isChunked) {
      socket.cork();
      socket.write(`${bytes.length.toString(16)}\r\n`, 'latin1');
      socket.write(bytes);
      socket.write('\r\n', 'latin1');
      socket.uncork();
    } else socket.write(bytes);
    // Not what `write` answers: that is false for every piece beyond 16 KiB, though the kernel took it at once.
    return socket.writableLength < MOST_WAITING_BYTES;
  }
}

/** What must not come behind a body, for it decides where messages end, where they go and who sent them. */
const NO_TRAILERS: ReadonlySet<string> = new Set([
  ...['transfer-encoding', 'content-length', 'host', 'connection', 'trailer', 'te', 'upgrade', 'keep-alive'],
  ...['authorization', 'cookie', 'set-cookie', 'content-type', 'content-encoding', 'content-range', 'expect'],
  ...['proxy-authorization', 'proxy-authenticate', 'proxy-connection', 'open-sandbox-api-key'],
  ...['opensandbox-ingress-to', 'opensandbox-ingress', 'opensandbox-secure-access'],
]);

/** Trailers that may travel on. */
export function soundTrailers(rawTrailers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < rawTrailers.length; at += 2) {
    const name = rawTrailers[at] ?? '';
    if (!NO_TRAILERS.has(name.toLowerCase())) kept.push(name, rawTrailers[at + 1] ?? '');
  }
  return kept;
}

function lastChunk(rawTrailers: readonly string[]): string {
  if (rawTrailers.length === 0) return '0\r\n\r\n';
  const fields = soundTrailers(rawTrailers);
  let text = '0\r\n';
  for (let at = 0; at + 1 < fields.length; at += 2)
    text += `${fields[at] ?? ''}: ${fields[at + 1] ?? ''}\r\n`;
  return `${text}\r\n`;
}
