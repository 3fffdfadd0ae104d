import type { FileHandle } from 'node:fs/promises';
import { memoryRelief } from './memory-relief.ts';

export const PIECE_BYTES = 256 * 1024;

export interface Section {
  readonly first: number;
  readonly length: number;
}

/** The bytes of a section, or fewer when the file ends before it does. Each piece is its consumer's to keep. */
export async function* readPieces(file: FileHandle, section: Section): AsyncGenerator<Uint8Array> {
  let position = section.first;
  let left = section.length;
  while (left > 0) {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, left));
    const { bytesRead } = await file.read(piece, 0, piece.length, position);
    if (bytesRead === 0) return;
    yield piece.subarray(0, bytesRead);
    position += bytesRead;
    left -= bytesRead;
  }
}

/**
 * A response body that reads no further than its client does. `close` runs once, whether the client took
 * everything or left.
 */
export function pullStream(
  pieces: AsyncIterator<Uint8Array>,
  close: () => Promise<void>,
): ReadableStream<Uint8Array> {
  const relieve = memoryRelief();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await pieces.next();
          if (next.done === true) {
            await close();
            controller.close();
            return;
          }
          relieve(next.value.byteLength);
          controller.enqueue(next.value);
        } catch (error) {
          await close();
          controller.error(error);
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}

/** Exactly what a section holds now, in memory: for small sections only. */
export async function readSection(file: FileHandle, section: Section): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readPieces(file, section)) pieces.push(piece);
  return Buffer.concat(pieces);
}
