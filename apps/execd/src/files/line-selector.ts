const LF = 10;
const CR = 13;

export interface LineWindow {
  /** 1 is the first line. */
  readonly offset: number;
  readonly limit: number;
}

/**
 * Picks lines out of a byte stream of any length, holding none of it: lines are joined with `\n`, the carriage
 * returns at their ends are dropped, and nothing follows the last one.
 */
export class LineSelector {
  readonly #first: number;
  readonly #end: number;
  #line = 1;
  /** Carriage returns seen at the end of the last piece; dropped when the line ends there. */
  #heldReturns = 0;
  /** A newline is owed before the next line, but is sent only when that line turns out to exist. */
  #mayOpenLine = false;

  constructor(window: LineWindow) {
    this.#first = window.offset;
    this.#end = window.offset + window.limit;
  }

  /** No later byte can change the outcome. */
  get done(): boolean {
    return this.#line >= this.#end;
  }

  /** The pieces of `chunk` to send, as views into it. */
  push(chunk: Uint8Array): Uint8Array[] {
    const out: Uint8Array[] = [];
    let at = 0;
    while (at < chunk.length && !this.done) {
      const newline = chunk.indexOf(LF, at);
      const end = newline < 0 ? chunk.length : newline;
      if (this.#line >= this.#first) this.#take(chunk.subarray(at, end), newline >= 0, out);
      if (newline < 0) break;
      this.#line += 1;
      this.#heldReturns = 0;
      this.#mayOpenLine = this.#line > this.#first && !this.done;
      at = newline + 1;
    }
    return out;
  }

  #take(piece: Uint8Array, ends: boolean, out: Uint8Array[]): void {
    if (this.#mayOpenLine && (piece.length > 0 || ends)) {
      out.push(NEWLINE);
      this.#mayOpenLine = false;
    }
    let end = piece.length;
    while (end > 0 && piece[end - 1] === CR) end -= 1;
    if (end > 0) {
      for (let left = this.#heldReturns; left > 0; left -= RETURNS.length)
        out.push(RETURNS.subarray(0, left));
      out.push(piece.subarray(0, end));
      this.#heldReturns = 0;
    }
    this.#heldReturns += piece.length - end;
  }
}

const NEWLINE = Uint8Array.of(LF);
const RETURNS = new Uint8Array(64 * 1024).fill(CR);
