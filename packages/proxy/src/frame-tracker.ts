const CLOSE = 8;
const MASKED = 0x80;

/**
 * Follows the frames of one direction of a WebSocket without looking into them: where the last one ended, and whether
 * its sender said goodbye. Keeps a few numbers only.
 */
export class FrameTracker {
  /** Bytes of the payload (and mask) of the current frame that have not come yet. */
  #left = 0;
  /** Bytes of the current header that have come. */
  #have = 0;
  /** Bytes of the length field: 0, 2 or 8. */
  #wide = 0;
  #opcode = 0;
  #length = 0;
  #maskBytes = 0;
  #hasClosed = false;

  /** The last frame has ended, and no other has begun. */
  get isBetweenFrames(): boolean {
    return this.#left === 0 && this.#have === 0;
  }

  /** A whole close frame has passed. */
  get hasClosed(): boolean {
    return this.#hasClosed && this.isBetweenFrames;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - at);
        this.#left -= step;
        at += step;
      } else {
        this.#takeHeader(bytes[at] ?? 0);
        at += 1;
      }
    }
  }

  #takeHeader(byte: number): void {
    this.#have += 1;
    if (this.#have === 1) {
      this.#opcode = byte & 0x0f;
      return;
    }
    if (this.#have === 2) {
      const short = byte & 0x7f;
      this.#maskBytes = (byte & MASKED) === 0 ? 0 : 4;
      this.#wide = short === 126 ? 2 : short === 127 ? 8 : 0;
      this.#length = this.#wide === 0 ? short : 0;
    } else this.#length = this.#length * 256 + byte;
    if (this.#have < 2 + this.#wide) return;
    this.#have = 0;
    this.#left = this.#length + this.#maskBytes;
    if (this.#opcode === CLOSE) this.#hasClosed = true;
  }
}
