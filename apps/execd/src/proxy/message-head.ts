import type { ByteReader } from './byte-reader.ts';

/** The status line and the header fields of a response. */
export interface ResponseHead {
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

const LONGEST_HEAD_BYTES = 1024 * 1024;

/** Reads the head of the final response; the interim ones before it are dropped. */
export async function readResponseHead(reader: ByteReader): Promise<ResponseHead> {
  for (;;) {
    const head = parseResponseHead(await readHeadText(reader));
    if (head.status >= 200 || head.status === 101) return head;
  }
}

async function readHeadText(reader: ByteReader): Promise<string> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end !== -1) {
      reader.unread(bytes.subarray(end + 4));
      return bytes.toString('latin1', 0, end);
    }
    if (bytes.length > LONGEST_HEAD_BYTES) throw new Error('the head of the response is too long');
    const more = await reader.read();
    if (more === undefined) throw new Error('the connection ended before the response');
    bytes = Buffer.concat([bytes, more]);
  }
}

/** Reads the text before the empty line; throws when it is no HTTP response. */
export function parseResponseHead(text: string): ResponseHead {
  const [first = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1];
  if (status === undefined) throw new Error('the answer is not HTTP/1');
  const rawHeaders: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) rawHeaders.push(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return { status: Number(status), rawHeaders };
}

export interface RequestHead {
  readonly method: string;
  /** Path and query as the client wrote them. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
}

export function formatRequestHead(head: RequestHead): string {
  const lines = [`${head.method} ${head.target} HTTP/1.1`];
  for (let at = 0; at + 1 < head.rawHeaders.length; at += 2) {
    lines.push(`${head.rawHeaders[at] ?? ''}: ${head.rawHeaders[at + 1] ?? ''}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}
