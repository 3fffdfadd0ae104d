import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { AnswerHead } from './answer-head.ts';
import { downstreamHeaders } from './proxy-headers.ts';
import { soundTrailers } from './upload.ts';

/** Up to this size a whole body leaves as one text with its head: one write instead of two. */
const SMALL_BODY_BYTES = 4 * 1024;

/** An answer on its way to the client. What one read of the service's connection brings is written at once. */
export class Download {
  readonly #response: ServerResponse;
  readonly #own: () => Readonly<Record<string, string>>;
  readonly #pieces: Buffer[] = [];
  #trailers: readonly string[] = [];
  #waits = false;
  #hasFlushed = false;
  readonly #onRoom: () => void;
  /** Nothing comes any more. */
  isComplete = false;
  /** The client was sent the head: the answer cannot be another one now. */
  hasBegun = false;

  constructor(response: ServerResponse, own: () => Readonly<Record<string, string>>, onRoom: () => void) {
    this.#response = response;
    this.#own = own;
    this.#onRoom = onRoom;
  }

  add(bytes: Buffer): void {
    this.#pieces.push(bytes);
  }

  complete(trailers: readonly string[]): void {
    this.isComplete = true;
    this.#trailers = trailers;
  }

  /** Writes what came. False: the client has to read first, `onRoom` says when it has. */
  pass(head: AnswerHead): boolean {
    const response = this.#response;
    if (!this.hasBegun) this.#begin(head);
    const last = this.isComplete ? this.#pieces.pop() : undefined;
    const stream = this.#writePieces();
    if (this.isComplete) {
      this.#end(last);
      return true;
    }
    // Not what `write` answers: that is false for every piece beyond the mark, though the kernel took it at once.
    const hasRoom = response.writableLength < response.writableHighWaterMark;
    if (!hasRoom && !this.#waits) {
      this.#waits = true;
      stream.once('drain', () => {
        this.#waits = false;
        this.#onRoom();
      });
    }
    return hasRoom;
  }

  /** Answers the stream that tells when there is room again. */
  #writePieces(): Socket | ServerResponse {
    const response = this.#response;
    const { socket } = response;
    // Past Node's own writing where nothing has to be framed: it holds every piece back until the loop's next turn.
    const stream = response.chunkedEncoding || socket === null ? response : socket;
    if (this.#pieces.length === 0) return stream;
    socket?.cork();
    if (stream === socket) this.#flushHead();
    for (const piece of this.#pieces) stream.write(piece);
    this.#pieces.length = 0;
    socket?.uncork();
    return stream;
  }

  /** Whether bytes that were added have not left this process yet. */
  holdsBytes(): boolean {
    return this.#pieces.length > 0 || this.#response.writableLength > 0;
  }

  /** Where it can be said in HTTP/1.1, and only links: that is all that clients make use of. */
  earlyHints(rawHeaders: readonly string[]): void {
    const links = rawHeaders.filter(
      (_text, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === 'link',
    );
    if (this.hasBegun || links.length === 0 || this.#response.req.httpVersionMinor < 1) return;
    try {
      this.#response.writeEarlyHints({ link: links });
    } catch {
      // links of a form that Node does not know: a hint that is not given harms nobody
    }
  }

  /** Ends the connection in the middle, so that what was sent cannot be taken for the whole. */
  cut(): void {
    const { socket } = this.#response;
    // To a client of HTTP/1.0 the end of the connection is the end of the body: only a reset tells.
    if (this.#response.req.httpVersionMinor < 1) this.#response.req.socket.resetAndDestroy();
    if (socket === null) this.#response.req.socket.destroy();
    this.#response.destroy();
  }

  #begin({ status, rawHeaders }: AnswerHead): void {
    const response = this.#response;
    const headers = downstreamHeaders(rawHeaders, this.#own());
    for (let at = 0; at < headers.length; at += 2) {
      if (headers[at]?.length === 4 && headers[at]?.toLowerCase() === 'date') response.sendDate = false;
    }
    this.hasBegun = true;
    response.writeHead(status, headers);
    if (!this.isComplete && this.#pieces.length === 0) this.#flushHead();
  }

  #flushHead(): void {
    if (this.#hasFlushed) return;
    this.#hasFlushed = true;
    this.#response.flushHeaders();
  }

  #end(last: Buffer | undefined): void {
    const response = this.#response;
    if (this.#trailers.length > 0 && response.chunkedEncoding) {
      response.addTrailers(pairs(soundTrailers(this.#trailers)));
    }
    if (last === undefined) response.end();
    else if (last.length > SMALL_BODY_BYTES || !appendToHead(response, last)) response.end(last);
  }
}

/**
 * Sends a small body in one piece with its head, which Node does for a head alone only: one system call instead of a
 * gathered write, a tenth of what a small answer costs. False where the head has left, or the body has to be framed.
 */
function appendToHead(response: ServerResponse, body: Buffer): boolean {
  const unsent = response as ServerResponse & {
    _header?: unknown;
    _headerSent?: unknown;
    _hasBody?: unknown;
  };
  const { _header: head, _headerSent: hasLeft, _hasBody: hasBody } = unsent;
  if (response.chunkedEncoding || typeof head !== 'string' || hasLeft !== false || hasBody !== true)
    return false;
  unsent._header = head + body.toString('latin1');
  response.end();
  return true;
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) list.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return list;
}
