import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { pullStream, readPieces } from './byte-source.ts';
import { LineSelector } from './line-selector.ts';
import type { LineWindow } from './line-selector.ts';
import { accessFault } from './system-errors.ts';

/** An answer up to this size is sent with its length; a longer one streams. */
const SHORT_BYTES = 256 * 1024;

/** Lines are cut by reading as far as needed; the file is never held. */
export async function downloadLines(path: string, window: LineWindow): Promise<Response> {
  const file = await open(path).catch((error: unknown) => {
    throw accessFault(error);
  });
  const close = closeOnce(file);
  try {
    const pieces = selectPieces(file, window);
    const { start, ended } = await readStart(pieces);
    if (!ended) return textResponse(pullStream(withStart(start, pieces), close));
    await close();
    return textResponse(start);
  } catch (error) {
    await close();
    throw accessFault(error);
  }
}

async function* selectPieces(file: FileHandle, window: LineWindow): AsyncGenerator<Uint8Array> {
  const selector = new LineSelector(window);
  for await (const piece of readPieces(file, { first: 0, length: Infinity })) {
    const selected = selector.push(piece);
    // Each line is a piece or two; one by one they would cost more than their bytes.
    if (selected.length > 0) yield Buffer.concat(selected);
    if (selector.done) return;
  }
}

/** The first pieces: all of them when they are short. A void answer must say that its length is zero. */
async function readStart(
  pieces: AsyncIterator<Uint8Array>,
): Promise<{ readonly start: Uint8Array; readonly ended: boolean }> {
  const start: Uint8Array[] = [];
  for (let total = 0; total <= SHORT_BYTES;) {
    const next = await pieces.next();
    if (next.done === true) return { start: Buffer.concat(start), ended: true };
    start.push(next.value);
    total += next.value.byteLength;
  }
  return { start: Buffer.concat(start), ended: false };
}

async function* withStart(start: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield start;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

function textResponse(body: Uint8Array | ReadableStream<Uint8Array>): Response {
  const headers = new Headers({ 'Content-Type': 'text/plain; charset=utf-8' });
  if (body instanceof Uint8Array) headers.set('Content-Length', String(body.byteLength));
  const content = body instanceof Uint8Array && body.byteLength === 0 ? null : body;
  return new Response(content, { status: 200, headers });
}

function closeOnce(file: FileHandle): () => Promise<void> {
  let closing: Promise<void> | undefined;
  return () => (closing ??= file.close());
}
