import { parsePartHeaders } from './part-headers.ts';
import type { PartHeaders } from './part-headers.ts';

export type PartEvent =
  | { readonly type: 'begin'; readonly headers: PartHeaders }
  | { readonly type: 'data'; readonly bytes: Uint8Array }
  | { readonly type: 'end' };

/** A body that is not well-formed multipart. */
export class BadMultipart extends Error {}

const LONGEST_HEADERS_BYTES = 64 * 1024;
const LONGEST_PREAMBLE_BYTES = 64 * 1024;
/** Padding that some senders put between a boundary and its line end. */
const LONGEST_PADDING_BYTES = 256;
const DASH = 45;

type State = 'preamble' | 'boundary' | 'headers' | 'data' | 'epilogue';

/**
 * Splits a multipart body that arrives in pieces of any size. Holds no more than a boundary, or one part's
 * headers; the data of parts comes out as views into the pieces.
 */
export class MultipartParser {
  readonly #opening: Buffer;
  /** A delimiter without its line end: `\r\n--boundary`. A body that uses bare newlines shortens it. */
  #delimiter: Buffer;
  #state: State = 'preamble';
  #held: Buffer = Buffer.alloc(0);
  #partsBegan = false;
  #inPart = false;
  /** The delimiter of an empty part may follow its headers at once, sharing their last line end. */
  #atStartOfData = false;
  /** The bytes that looked like a delimiter, for the case that they were data. */
  #candidate: Buffer;

  constructor(boundary: string) {
    this.#opening = Buffer.from(`--${boundary}`, 'latin1');
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
    this.#candidate = this.#opening;
  }

  /** Throws BadMultipart as soon as the body cannot become well formed any more. */
  push(chunk: Uint8Array): PartEvent[] {
    const events: PartEvent[] = [];
    this.#held = this.#held.length === 0 ? viewOf(chunk) : Buffer.concat([this.#held, chunk]);
    while (this.#step(events));
    return events;
  }

  /** The body is at its end. Throws BadMultipart when the closing boundary has not come. */
  finish(): void {
    if (this.#state !== 'epilogue') throw new BadMultipart('the body ends before its closing boundary');
  }

  /** Whether anything was consumed; false means: wait for more bytes. */
  #step(events: PartEvent[]): boolean {
    switch (this.#state) {
      case 'preamble':
        return this.#skipPreamble();
      case 'boundary':
        return this.#readBoundaryEnd(events);
      case 'headers':
        return this.#readHeaders(events);
      case 'data':
        return this.#readData(events);
      case 'epilogue':
        this.#held = Buffer.alloc(0);
        return false;
    }
  }

  #skipPreamble(): boolean {
    let at = this.#held.indexOf(this.#opening);
    while (at > 0 && this.#held[at - 1] !== 10) at = this.#held.indexOf(this.#opening, at + 1);
    if (at < 0) {
      if (this.#held.length > LONGEST_PREAMBLE_BYTES) throw new BadMultipart('no boundary was found');
      return false;
    }
    this.#consume(at);
    return this.#expectBoundaryEnd(this.#opening);
  }

  /** Behind `--boundary`: `--` closes the body, a line end opens a part, anything else was data after all. */
  #readBoundaryEnd(events: PartEvent[]): boolean {
    const held = this.#held;
    if (held.length < 2) return false;
    if (held[0] === DASH && held[1] === DASH) {
      this.#closePart(events);
      this.#state = 'epilogue';
      return true;
    }
    const newline = held.indexOf(10);
    if (newline < 0 && held.length <= LONGEST_PADDING_BYTES) return false;
    const padding = held.toString('latin1', 0, Math.max(newline, 0));
    if (newline < 0 || !/^[ \t]*\r?$/.test(padding)) return this.#returnToData(events);
    this.#closePart(events);
    if (!this.#partsBegan && !padding.endsWith('\r')) this.#delimiter = this.#delimiter.subarray(1);
    this.#partsBegan = true;
    this.#consume(newline + 1);
    this.#state = 'headers';
    return true;
  }

  #closePart(events: PartEvent[]): void {
    if (this.#inPart) events.push({ type: 'end' });
    this.#inPart = false;
  }

  #returnToData(events: PartEvent[]): boolean {
    if (!this.#inPart) throw new BadMultipart('the first boundary is not followed by a line end');
    events.push({ type: 'data', bytes: this.#candidate });
    this.#state = 'data';
    return true;
  }

  #readHeaders(events: PartEvent[]): boolean {
    const end = this.#endOfHeaders();
    if (end === undefined) {
      if (this.#held.length > LONGEST_HEADERS_BYTES) throw new BadMultipart("a part's headers are too long");
      return false;
    }
    const headers = parsePartHeaders(this.#held.toString('utf8', 0, end.text));
    this.#consume(end.after);
    events.push({ type: 'begin', headers });
    this.#inPart = true;
    this.#state = 'data';
    this.#atStartOfData = true;
    return true;
  }

  #endOfHeaders(): { readonly text: number; readonly after: number } | undefined {
    if (this.#held[0] === 10) return { text: 0, after: 1 };
    if (this.#held[0] === 13 && this.#held[1] === 10) return { text: 0, after: 2 };
    const crlf = this.#held.indexOf('\r\n\r\n');
    if (crlf >= 0) return { text: crlf, after: crlf + 4 };
    const lf = this.#delimiter[0] === 10 ? this.#held.indexOf('\n\n') : -1;
    return lf >= 0 ? { text: lf, after: lf + 2 } : undefined;
  }

  #readData(events: PartEvent[]): boolean {
    if (this.#atStartOfData) {
      if (this.#held.length < this.#opening.length) return false;
      this.#atStartOfData = false;
      if (this.#held.subarray(0, this.#opening.length).equals(this.#opening)) {
        return this.#expectBoundaryEnd(this.#opening);
      }
    }
    const at = this.#held.indexOf(this.#delimiter);
    const safe = at >= 0 ? at : this.#startOfPossibleDelimiter();
    if (safe > 0) {
      events.push({ type: 'data', bytes: this.#held.subarray(0, safe) });
      this.#consume(safe);
    }
    return at >= 0 && this.#expectBoundaryEnd(this.#delimiter);
  }

  #expectBoundaryEnd(candidate: Buffer): true {
    this.#consume(candidate.length);
    this.#candidate = candidate;
    this.#state = 'boundary';
    return true;
  }

  /** Where the end of what is held could be the beginning of a delimiter; its length when nowhere. */
  #startOfPossibleDelimiter(): number {
    const held = this.#held;
    let at = Math.max(0, held.length - this.#delimiter.length + 1);
    for (; at < held.length; at += 1) {
      const tail = held.length - at;
      if (held.compare(this.#delimiter, 0, tail, at) === 0) return at;
    }
    return at;
  }

  #consume(count: number): void {
    this.#held = this.#held.subarray(count);
  }
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
