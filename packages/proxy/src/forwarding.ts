import type { IncomingMessage } from 'node:http';
import type { Fault } from '@opensandbox/base';
import { cancelled, toFault } from '@opensandbox/base';
import { type AnswerHead, BadAnswer, type FramedHead, namedLength } from './answer-head.ts';
import { clientGone } from './client-signal.ts';
import type { Asker, Connection } from './connection.ts';
import { Download } from './download.ts';
import type { Destination, Exchange } from './exchange.ts';
import { giveLeave } from './leave-to-send.ts';
import { TrafficMeter } from './traffic-meter.ts';
import { upstreamFault } from './upstream-fault.ts';
import { TimedOut, type Upstream } from './upstream.ts';
import { Upload } from './upload.ts';

interface Outcome {
  readonly resolve: () => void;
  readonly reject: (fault: Fault) => void;
}

/** One request on its way to a service and back. Everything happens in events; nothing here waits. */
export class Forwarding implements Asker {
  readonly #upstream: Upstream;
  readonly #exchange: Exchange;
  readonly #outcome: Outcome;
  readonly #meter: TrafficMeter;
  readonly #download: Download;
  /** `undefined`: the request has no body. */
  readonly #upload: Upload | undefined;
  readonly #method: string;
  #connection: Connection | undefined;
  #head: FramedHead | undefined;
  /** What stands for the head, when something does. */
  #shown: AnswerHead | undefined;
  /** Bytes of the body that the shown head names, where the service's own said otherwise or nothing. */
  #promisedBytes: number | undefined;
  #bodyBytes = 0;
  #signal: AbortSignal | undefined;
  #hasEnded = false;

  constructor(upstream: Upstream, exchange: Exchange, outcome: Outcome) {
    const { request, response, own } = exchange;
    this.#upstream = upstream;
    this.#exchange = exchange;
    this.#outcome = outcome;
    this.#method = exchange.destination.method ?? request.method ?? 'GET';
    this.#meter = new TrafficMeter(exchange);
    this.#upload = hasBody(request)
      ? new Upload(request, exchange.body ?? request, this.#meter.up)
      : undefined;
    this.#download = new Download(response, own, () => this.#connection?.resume());
  }

  start(signal: AbortSignal): void {
    const { response } = this.#exchange;
    if (signal.aborted || response.destroyed) {
      this.#fail(signal.aborted ? cancelled(signal) : clientGone());
      return;
    }
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
    response.once('close', this.#onClientClose);
    this.#ask(false);
  }

  connected(): void {
    this.#send();
  }

  drained(): void {
    this.#upload?.drained();
  }

  interim(head: FramedHead): void {
    if (head.status === 103) this.#download.earlyHints(head.rawHeaders);
  }

  head(head: FramedHead): void {
    this.#head = head;
    this.#connection?.answered();
    this.#meter.answered(head.status);
  }

  body(bytes: Buffer): void {
    this.#meter.down(bytes.length);
    this.#bodyBytes += bytes.length;
    this.#download.add(bytes);
  }

  end(trailers: readonly string[]): void {
    this.#download.complete(trailers);
  }

  flushed(): void {
    const head = this.#head;
    if (head === undefined || this.#hasEnded) return;
    if (!this.#download.hasBegun && !this.#isPassable(head)) return;
    if (!this.#isAsPromised()) {
      this.#fail(upstreamFault(this.#exchange.destination.name, new BadAnswer('the length is another one')));
      return;
    }
    this.#stopListening();
    if (!this.#download.pass(this.#shown ?? head)) this.#connection?.socket.pause();
    if (this.#download.isComplete) this.#succeed(head);
  }

  holdsBytes(): boolean {
    return this.#download.holdsBytes();
  }

  failed(error: Error): void {
    const connection = this.#connection;
    if (this.#hasEnded) return;
    const mayHaveGone = connection?.isUsed === true && !connection.hasAnswered;
    if (mayHaveGone && this.#isRepeatable && !(error instanceof TimedOut)) {
      this.#ask(true);
      return;
    }
    this.#fail(upstreamFault(this.#exchange.destination.name, error));
  }

  #isPassable(head: FramedHead): boolean {
    try {
      this.#shown = this.#exchange.inspect?.(head) ?? undefined;
      if (this.#shown !== undefined && mayHaveBody(this.#method, head)) {
        this.#promisedBytes = namedLength(this.#shown.rawHeaders);
      }
      return true;
    } catch (error) {
      const { name } = this.#exchange.destination;
      this.#fail(error instanceof BadAnswer ? upstreamFault(name, error) : toFault(error));
      return false;
    }
  }

  /** Bytes beyond the length that the client is told would be the next answer to it; too few look like the whole. */
  #isAsPromised(): boolean {
    if (this.#promisedBytes === undefined) return true;
    return this.#download.isComplete
      ? this.#bodyBytes === this.#promisedBytes
      : this.#bodyBytes <= this.#promisedBytes;
  }

  /** Asking once more is safe where nothing was sent but a question. */
  get #isRepeatable(): boolean {
    const method = this.#method;
    return this.#upload === undefined && (method === 'GET' || method === 'HEAD' || method === 'OPTIONS');
  }

  #ask(isNew: boolean): void {
    const { destination } = this.#exchange;
    const connection = this.#upstream.take(destination, { isNew, mustBeFresh: !this.#isRepeatable });
    this.#connection = connection;
    connection.begin(this, this.#method);
    if (connection.phase !== 'connecting') this.#send();
  }

  /** Called when the connection stands: a client that waits for leave to send its body gets it now. */
  #send(): void {
    const connection = this.#connection;
    const { destination, request, response } = this.#exchange;
    if (connection === undefined) return;
    const head = requestHead(this.#method, destination, request.headers['transfer-encoding'] !== undefined);
    if (this.#upload === undefined) {
      connection.socket.write(head, 'latin1');
      return;
    }
    giveLeave(response);
    this.#upload.begin(connection, head);
  }

  /** The answer is complete. What is left of the request is read by nobody; its connection ends soon. */
  #succeed(head: FramedHead): void {
    const { destination } = this.#exchange;
    const connection = this.#connection;
    const isAsked = this.#upload === undefined || this.#upload.isComplete;
    this.#hasEnded = true;
    this.#upload?.stop();
    if (isAsked && connection?.release(head) === true) this.#upstream.keep(destination, connection);
    else connection?.close();
    if (!isAsked) this.#upstream.drain(this.#exchange.request);
    this.#meter.ended(false);
    this.#outcome.resolve();
  }

  #fail(fault: Fault): void {
    this.#hasEnded = true;
    this.#stopListening();
    this.#upload?.stop();
    // What is still sent has nobody to go to, but the answer to come would wait behind it.
    if (this.#upload !== undefined && this.#exchange.body === undefined) this.#exchange.request.resume();
    this.#connection?.close();
    this.#meter.ended(true);
    this.#exchange.response.removeListener('close', this.#onClientClose);
    if (this.#download.hasBegun) {
      this.#download.cut();
      this.#outcome.resolve();
    } else this.#outcome.reject(fault);
  }

  #stopListening(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#signal = undefined;
  }

  readonly #onAbort = (): void => {
    if (this.#signal !== undefined && !this.#hasEnded) this.#fail(cancelled(this.#signal));
  };

  readonly #onClientClose = (): void => {
    if (!this.#hasEnded) this.#fail(clientGone());
  };
}

function mayHaveBody(method: string, { status }: FramedHead): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 304;
}

/** A message has a body exactly when its framing says so; a length of nothing is none. */
function hasBody({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  return headers['content-length'] !== undefined && headers['content-length'] !== '0';
}

function requestHead(method: string, destination: Destination, isChunked: boolean): string {
  const { host, port, path, headers } = destination;
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  let text = `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\nConnection: keep-alive\r\n`;
  for (let at = 0; at + 1 < headers.length; at += 2)
    text += `${headers[at] ?? ''}: ${headers[at + 1] ?? ''}\r\n`;
  return isChunked ? `${text}Transfer-Encoding: chunked\r\n\r\n` : `${text}\r\n`;
}
