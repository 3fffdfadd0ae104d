export type LogStream = 'stdout' | 'stderr';

export interface LogPiece {
  readonly stream: LogStream;
  readonly bytes: Buffer;
  /** Begins an entry of the log; otherwise it goes on with the one before. */
  readonly isStart: boolean;
}

const HEADER_BYTES = 8;
/** Frames up to this size come out whole; an engine cuts its entries at 16 KiB. */
const WHOLE_BYTES = 64 * 1024;
const EMPTY = Buffer.alloc(0);

/**
 * Takes the engine's frames apart: a byte for the stream, three of nothing, the length in four, the bytes. Chunks
 * may end anywhere, in a header too. Never keeps more than one frame of the usual size.
 */
export class FrameReader {
  #pending: Buffer = EMPTY;
  #left = 0;
  #stream: LogStream = 'stdout';

  push(chunk: Buffer): readonly LogPiece[] {
    const pieces: LogPiece[] = [];
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (;;) {
      if (this.#left > 0) {
        const bytes = rest.subarray(0, this.#left);
        if (bytes.length > 0) pieces.push({ stream: this.#stream, bytes, isStart: false });
        this.#left -= bytes.length;
        rest = rest.subarray(bytes.length);
      }
      if (rest.length < HEADER_BYTES) break;
      const length = rest.readUInt32BE(4);
      const body = rest.subarray(HEADER_BYTES, HEADER_BYTES + length);
      if (body.length < length && length <= WHOLE_BYTES) break;
      this.#stream = rest[0] === 2 ? 'stderr' : 'stdout';
      pieces.push({ stream: this.#stream, bytes: body, isStart: true });
      this.#left = length - body.length;
      rest = rest.subarray(HEADER_BYTES + body.length);
    }
    this.#pending = Buffer.from(rest); // a copy: the chunk it is part of may be large
    return pieces;
  }
}
