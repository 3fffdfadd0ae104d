import type { Clock } from '@opensandbox/base';
import { sleep } from '@opensandbox/base';
import { errorCode } from '@opensandbox/process';

const SHORTEST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 50;
const FULL_BYTES = 4 * 1024 * 1024;
const ROOM_BYTES = 1024 * 1024;

export interface InputEvents {
  /** There is room for more input again. */
  readonly onRoom: () => void;
  /** The program can read no more. */
  readonly onFailure: (error: unknown) => void;
}

export interface InputTarget {
  readonly clock: Clock;
  /** Bytes written; throws EAGAIN when there is no room for any. */
  readonly write: (bytes: Uint8Array) => number;
}

/**
 * Input on its way to a program that reads at its own pace. Writes in order. While there is no room it looks again
 * after 1 ms, then ever more seldom, up to every 50 ms. After a failure it takes nothing more.
 */
export class InputQueue implements Disposable {
  readonly #target: InputTarget;
  readonly #events: InputEvents;
  readonly #pieces: Uint8Array[] = [];
  readonly #closed = new AbortController();
  #pendingBytes = 0;
  #isWriting = false;
  #isFull = false;

  constructor(target: InputTarget, events: InputEvents) {
    this.#target = target;
    this.#events = events;
  }

  /** Whether so much waits that whoever sends it must be held back until `onRoom`. */
  get isFull(): boolean {
    return this.#isFull;
  }

  push(bytes: Uint8Array): void {
    if (this.#closed.signal.aborted || bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes > FULL_BYTES) this.#isFull = true;
    if (!this.#isWriting) void this.#writeAll();
  }

  [Symbol.dispose](): void {
    this.#closed.abort();
    this.#pieces.length = 0;
    this.#settle(this.#pendingBytes);
  }

  async #writeAll(): Promise<void> {
    let waitMs = SHORTEST_WAIT_MS;
    this.#isWriting = true;
    try {
      for (let piece = this.#pieces[0]; piece !== undefined; piece = this.#pieces[0]) {
        if (this.#writeSome(piece)) {
          waitMs = SHORTEST_WAIT_MS;
          continue;
        }
        await sleep(this.#target.clock, waitMs, this.#closed.signal).catch(() => undefined);
        if (this.#closed.signal.aborted) return;
        waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
      }
    } catch (error) {
      this[Symbol.dispose]();
      this.#events.onFailure(error);
    } finally {
      this.#isWriting = false; // here and not in a callback: what is pushed next must start anew
    }
  }

  /** False when there was no room. */
  #writeSome(piece: Uint8Array): boolean {
    try {
      const written = this.#target.write(piece);
      if (written < piece.length) this.#pieces[0] = piece.subarray(written);
      else this.#pieces.shift();
      this.#settle(written);
      return true;
    } catch (error) {
      if (errorCode(error) === 'EAGAIN') return false;
      throw error;
    }
  }

  #settle(written: number): void {
    this.#pendingBytes -= written;
    if (!this.#isFull || this.#pendingBytes > ROOM_BYTES) return;
    this.#isFull = false;
    this.#events.onRoom();
  }
}
