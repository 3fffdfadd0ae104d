import { type FramedHead, BadAnswer, parseAnswerHead, parseFields } from './answer-head.ts';

const LONGEST_HEAD_BYTES = 128 * 1024;
const LONGEST_CHUNK_LINE_BYTES = 16 * 1024;
const MOST_INTERIM_ANSWERS = 32;
const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');
const NOTHING = Buffer.alloc(0);
const CHUNK_LINE = /^([0-9a-fA-F]{1,13})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?$/;

/** Who is told what an answer consists of, in the order in which it came. */
export interface AnswerSink {
  /** An answer with a status below 200 that comes before the real one. */
  interim(head: FramedHead): void;
  head(head: FramedHead): void;
  body(bytes: Buffer): void;
  end(trailers: readonly string[]): void;
}

type State = 'head' | 'length' | 'close' | 'size' | 'data' | 'data-end' | 'trailers' | 'done';

/**
 * Reads HTTP/1 answers from the bytes of a connection, cut wherever they may be. One answer for each `begin`.
 * Throws `BadAnswer` when what comes is none.
 */
export class AnswerReader {
  #state: State = 'done';
  #method = '';
  #sink: AnswerSink | undefined;
  /** Bytes of a head or a line whose end has not come yet. */
  #held: Buffer = NOTHING;
  #left = 0;
  #interims = 0;

  begin(method: string, sink: AnswerSink): void {
    this.#state = 'head';
    this.#method = method;
    this.#sink = sink;
    this.#held = NOTHING;
    this.#interims = 0;
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** Takes the next bytes; answers how many of them came behind the end of the answer. */
  push(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'done') at = this.#step(bytes, at);
    return bytes.length - at;
  }

  /** The connection has ended in good order: true when that ends the answer, too. */
  finish(): boolean {
    if (this.#state !== 'close') return false;
    this.#finish([]);
    return true;
  }

  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#takeHead(bytes, at);
      case 'size':
        return this.#takeSize(bytes, at);
      case 'data-end':
        return this.#takeDataEnd(bytes, at);
      case 'trailers':
        return this.#takeTrailers(bytes, at);
      default:
        return this.#takeBody(bytes, at);
    }
  }

  #takeBody(bytes: Buffer, at: number): number {
    const end = this.#state === 'close' ? bytes.length : Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    this.#sink?.body(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    if (this.#left === 0 && this.#state === 'length') this.#finish([]);
    if (this.#left === 0 && this.#state === 'data') this.#state = 'data-end';
    return end;
  }

  #takeHead(bytes: Buffer, at: number): number {
    const found = this.#until(HEAD_END, bytes, at, LONGEST_HEAD_BYTES);
    if (found === undefined) return bytes.length;
    const head = parseAnswerHead(found.text, this.#method);
    if (head.status < 200) {
      this.#interims += 1;
      if (head.status < 100 || head.status === 101 || this.#interims > MOST_INTERIM_ANSWERS) {
        throw new BadAnswer('the answer has a status that no answer has');
      }
      this.#sink?.interim(head);
      return found.next;
    }
    if (head.status > 599) throw new BadAnswer('the answer has a status that no answer has');
    this.#left = head.bodyEnd === 'length' ? head.length : 0;
    this.#state = head.bodyEnd === 'chunked' ? 'size' : head.bodyEnd === 'close' ? 'close' : 'length';
    this.#sink?.head(head);
    if (head.bodyEnd === 'none') this.#finish([]);
    return found.next;
  }

  #takeSize(bytes: Buffer, at: number): number {
    const found = this.#until(LINE_END, bytes, at, LONGEST_CHUNK_LINE_BYTES);
    if (found === undefined) return bytes.length;
    const size = CHUNK_LINE.exec(found.text)?.[1];
    if (size === undefined) throw new BadAnswer('a chunk has no size');
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'data';
    return found.next;
  }

  #takeDataEnd(bytes: Buffer, at: number): number {
    const found = this.#until(LINE_END, bytes, at, 0);
    if (found === undefined) return bytes.length;
    this.#state = 'size';
    return found.next;
  }

  #takeTrailers(bytes: Buffer, at: number): number {
    // Without trailers one line end follows; with them, an empty line ends them as it ends a head.
    const begin =
      this.#held.length === 0 ? bytes.subarray(at) : Buffer.concat([this.#held, bytes.subarray(at)]);
    const heldBytes = this.#held.length;
    this.#held = NOTHING;
    if (begin.length >= 2 && begin.indexOf(LINE_END) === 0) {
      this.#finish([]);
      return at + 2 - heldBytes;
    }
    const end = begin.indexOf(HEAD_END);
    if (end === -1) {
      if (begin.length > LONGEST_HEAD_BYTES) throw new BadAnswer('the trailers are too long');
      this.#held = heldBytes === 0 ? Buffer.from(begin) : begin;
      return bytes.length;
    }
    this.#finish(parseFields(begin.toString('latin1', 0, end), 0));
    return at + end + 4 - heldBytes;
  }

  /** The text before `mark`, and where it goes on behind it; undefined (and all kept) while the mark has not come. */
  #until(
    mark: Buffer,
    bytes: Buffer,
    at: number,
    limit: number,
  ): { readonly text: string; readonly next: number } | undefined {
    const heldBytes = this.#held.length;
    const all = heldBytes === 0 ? bytes : Buffer.concat([this.#held, bytes.subarray(at)]);
    const from = heldBytes === 0 ? at : 0;
    const end = all.indexOf(mark, from);
    const tooLong = end === -1 ? all.length - from >= limit + mark.length : end - from > limit;
    if (tooLong) throw new BadAnswer('a part of the answer is too long');
    if (end === -1) {
      // Copied: what is read next may be written over these bytes.
      this.#held = heldBytes === 0 ? Buffer.from(bytes.subarray(at)) : all;
      return undefined;
    }
    this.#held = NOTHING;
    const next = end + mark.length;
    return { text: all.toString('latin1', from, end), next: heldBytes === 0 ? next : at + next - heldBytes };
  }

  #finish(trailers: readonly string[]): void {
    this.#state = 'done';
    this.#sink?.end(trailers);
  }
}
