import { headerIn } from '@opensandbox/http';
import type { ByteReader } from './byte-reader.ts';
import type { ResponseHead } from './message-head.ts';

/** How the end of a body is found. */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until_close' };

export function responseFraming(method: string, head: ResponseHead): BodyFraming {
  if (method === 'HEAD' || head.status === 204 || head.status === 304) return { kind: 'none' };
  const coding = headerIn(head.rawHeaders, 'transfer-encoding');
  if (coding !== undefined)
    return /chunked\s*$/i.test(coding) ? { kind: 'chunked' } : { kind: 'until_close' };
  const length = headerIn(head.rawHeaders, 'content-length');
  if (length === undefined) return { kind: 'until_close' };
  const bytes = /^\d+$/.test(length) ? Number(length) : NaN;
  if (!Number.isSafeInteger(bytes)) throw new Error('the length of the response is no number');
  return bytes === 0 ? { kind: 'none' } : { kind: 'length', bytes };
}

/** The bytes of a body, without its framing. Throws when the connection ends before the body does. */
export async function* readBody(reader: ByteReader, framing: BodyFraming): AsyncGenerator<Buffer, void> {
  if (framing.kind === 'length') yield* readLength(reader, framing.bytes);
  if (framing.kind === 'chunked') yield* readChunks(reader);
  if (framing.kind !== 'until_close') return;
  for (let piece = await reader.read(); piece !== undefined; piece = await reader.read()) yield piece;
}

async function* readLength(reader: ByteReader, bytes: number): AsyncGenerator<Buffer, void> {
  let left = bytes;
  while (left > 0) {
    const piece = await readSome(reader);
    const mine = piece.subarray(0, left);
    if (mine.length < piece.length) reader.unread(piece.subarray(left));
    left -= mine.length;
    yield mine;
  }
}

async function* readChunks(reader: ByteReader): AsyncGenerator<Buffer, void> {
  for (;;) {
    const size = /^([0-9a-f]{1,12})\s*(?:;.*)?$/i.exec(await readLine(reader))?.[1];
    if (size === undefined) throw new Error('the chunks of the response are broken');
    const bytes = Number.parseInt(size, 16);
    if (bytes === 0) break;
    yield* readLength(reader, bytes);
    if ((await readLine(reader)) !== '') throw new Error('the chunks of the response are broken');
  }
  while ((await readLine(reader)) !== ''); // trailers: nobody further on expects them
}

async function readLine(reader: ByteReader): Promise<string> {
  let line = Buffer.alloc(0);
  for (;;) {
    const end = line.indexOf('\n');
    if (end !== -1) {
      reader.unread(line.subarray(end + 1));
      return line.toString('latin1', 0, end).replace(/\r$/, '');
    }
    if (line.length > 64 * 1024) throw new Error('a line of the response is too long');
    line = Buffer.concat([line, await readSome(reader)]);
  }
}

async function readSome(reader: ByteReader): Promise<Buffer> {
  const piece = await reader.read();
  if (piece === undefined) throw new Error('the connection ended inside the response');
  return piece;
}
