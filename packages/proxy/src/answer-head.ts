/** How the end of an answer's body is found. */
export type BodyEnd = 'none' | 'length' | 'chunked' | 'close';

/** The head of an HTTP/1 answer as it was sent. */
export interface AnswerHead {
  readonly status: number;
  /** Flat list of names and values, in Latin-1: one character for each byte. */
  readonly rawHeaders: readonly string[];
}

/** A head with what it says about the body behind it and the connection. */
export interface FramedHead extends AnswerHead {
  readonly bodyEnd: BodyEnd;
  /** Of a body that ends by length. */
  readonly length: number;
  /** For how long the service keeps the connection when nothing is asked; 0 when it closes it. */
  readonly keepMs: number;
}

/** What a service sent is no HTTP/1 answer, or one whose end two readers could see at different places. */
export class BadAnswer extends Error {
  readonly code = 'BAD_ANSWER';
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([0-9]{3})(?: [^\x00-\x08\x0a-\x1f\x7f]*)?$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/** What the headers say about the message they belong to. */
interface Framing {
  length: number | undefined;
  isChunked: boolean;
  keepMs: number;
}

/** Reads a head, without the empty line behind it. Strict: anything odd is refused, for it could hide an answer. */
export function parseAnswerHead(text: string, method: string): FramedHead {
  const firstEnd = text.indexOf('\r\n');
  const match = STATUS_LINE.exec(firstEnd === -1 ? text : text.slice(0, firstEnd));
  if (match === null) throw new BadAnswer('the answer does not begin as HTTP/1 does');
  const isOld = match[1] === '0';
  const status = Number(match[2]);
  const framing: Framing = { length: undefined, isChunked: false, keepMs: isOld ? 0 : Infinity };
  const rawHeaders = firstEnd === -1 ? [] : parseFields(text, firstEnd + 2, framing);
  const { length, isChunked, keepMs } = framing;
  if (isChunked && (length !== undefined || isOld)) throw new BadAnswer('the answer has two framings');
  const head = { status, rawHeaders, length: length ?? 0 };
  if (method === 'HEAD' || status === 204 || status === 304 || status < 200) {
    return { ...head, bodyEnd: 'none', keepMs };
  }
  if (isChunked) return { ...head, bodyEnd: 'chunked', keepMs };
  if (length === undefined) return { ...head, bodyEnd: 'close', keepMs: 0 };
  return { ...head, bodyEnd: length === 0 ? 'none' : 'length', keepMs };
}

/** The length that a flat list of headers names; `undefined` when it names none. */
export function namedLength(rawHeaders: readonly string[]): number | undefined {
  const framing: Framing = { length: undefined, isChunked: false, keepMs: 0 };
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    noteFraming(framing, rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  }
  return framing.length;
}

/** The fields of a head or of trailers, as a flat list. */
export function parseFields(text: string, from: number, framing?: Framing): string[] {
  const fields: string[] = [];
  let at = from;
  while (at < text.length) {
    let end = text.indexOf('\r\n', at);
    if (end === -1) end = text.length;
    const colon = text.indexOf(':', at);
    if (colon === -1 || colon > end) throw new BadAnswer('a header has no colon');
    const name = text.slice(at, colon);
    const value = trimmed(text, colon + 1, end);
    if (!TOKEN.test(name) || CONTROL.test(value)) throw new BadAnswer('a header has bytes it must not have');
    if (framing !== undefined) noteFraming(framing, name, value);
    fields.push(name, value);
    at = end + 2;
  }
  return fields;
}

/** Lengths of the four names that matter, so that no other name is folded to lower case. */
function noteFraming(framing: Framing, name: string, value: string): void {
  switch (name.length) {
    case 10:
      noteConnection(framing, name.toLowerCase(), value);
      return;
    case 14:
      if (name.toLowerCase() === 'content-length') noteLength(framing, value);
      return;
    case 17:
      if (name.toLowerCase() !== 'transfer-encoding') return;
      // Any other coding would be lost when the body is framed anew.
      if (framing.isChunked || value.toLowerCase() !== 'chunked')
        throw new BadAnswer('unknown transfer coding');
      framing.isChunked = true;
  }
}

function noteLength(framing: Framing, value: string): void {
  const length = /^[0-9]{1,15}$/.test(value) ? Number(value) : NaN;
  if (Number.isNaN(length)) throw new BadAnswer('the length is no number');
  if (framing.length !== undefined && framing.length !== length)
    throw new BadAnswer('the answer has two lengths');
  framing.length = length;
}

function noteConnection(framing: Framing, name: string, value: string): void {
  if (name === 'connection' && /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(value)) framing.keepMs = 0;
  if (name !== 'keep-alive') return;
  const seconds = /(?:^|[ \t,])timeout=([0-9]{1,6})/i.exec(value)?.[1];
  // A second less: at the limit itself both ends would decide at the same time.
  if (seconds !== undefined)
    framing.keepMs = Math.min(framing.keepMs, Math.max(0, Number(seconds) - 1) * 1000);
}

function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
