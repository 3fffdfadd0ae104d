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

  /** What the bytes become, as far as it is known, in pieces of some length. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    const text = Buffer.concat([this.#held, chunk]);
    const gathered = new Gathered();
    let at = 0;
    for (let hit = text.indexOf(this.#old); hit >= 0; hit = text.indexOf(this.#old, at)) {
      yield* gathered.add(text.subarray(at, hit));
      yield* gathered.add(this.#new);
      this.#count += 1;
      at = hit + this.#old.length;
    }
    const safe = Math.max(at, text.length - (this.#old.length - 1));
    yield* gathered.add(text.subarray(at, safe));
    yield* gathered.take();
    this.#held = text.subarray(safe);
  }

  /** What was held back; the stream is at its end. */
  finish(): Uint8Array {
    return this.#held;
  }
}

const PIECE_BYTES = 64 * 1024;

/** Makes few pieces out of many: a million hits would otherwise be two million of them. */
class Gathered {
  #buffer = Buffer.alloc(0);
  #filled = 0;

  *add(bytes: Uint8Array): Generator<Uint8Array> {
    if (this.#filled + bytes.length > this.#buffer.length) {
      yield* this.take();
      if (bytes.length >= PIECE_BYTES) {
        yield bytes;
        return;
      }
      this.#buffer = Buffer.alloc(PIECE_BYTES);
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  *take(): Generator<Uint8Array> {
    if (this.#filled > 0) yield this.#buffer.subarray(0, this.#filled);
    this.#buffer = Buffer.alloc(0);
    this.#filled = 0;
  }
}
