export interface Replacement {
  readonly old: Uint8Array;
  readonly new: Uint8Array;
}

/**
 * Replaces every occurrence of a byte sequence in a stream, left to right, without overlap. Holds back no more
 * than one byte less than the searched sequence.
 */
export class ByteReplacer {
  readonly #old: Buffer;
  readonly #new: Uint8Array;
  #held: Buffer = Buffer.alloc(0);
  #count = 0;

  /** `old` must not be empty. */
  constructor(replacement: Replacement) {
    this.#old = Buffer.from(replacement.old);
    this.#new = replacement.new;
  }

  get count(): number {
    return this.#count;
  }

  push(chunk: Uint8Array): Uint8Array[] {
    const text = Buffer.concat([this.#held, chunk]);
    const out: Uint8Array[] = [];
    let at = 0;
    for (let hit = text.indexOf(this.#old); hit >= 0; hit = text.indexOf(this.#old, at)) {
      if (hit > at) out.push(text.subarray(at, hit));
      if (this.#new.length > 0) out.push(this.#new);
      this.#count += 1;
      at = hit + this.#old.length;
    }
    const safe = Math.max(at, text.length - (this.#old.length - 1));
    if (safe > at) out.push(text.subarray(at, safe));
    this.#held = text.subarray(safe);
    return out;
  }

  /** What was held back; the stream is at its end. */
  finish(): Uint8Array {
    return this.#held;
  }
}
