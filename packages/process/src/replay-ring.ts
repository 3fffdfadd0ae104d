/** The last bytes of a stream, each known by its offset from the stream's beginning. */
export interface ReplayRing {
  /** Bytes ever pushed, which is the offset of the next one. */
  readonly total: number;
  push(bytes: Uint8Array): void;
  /** A copy of what is kept from `offset` on. It begins later when that byte is gone, and is empty at the end. */
  since(offset: number): { readonly offset: number; readonly bytes: Uint8Array };
}

const FIRST_BYTES = 4096;

/** Keeps up to `capacity` bytes; takes memory only as they arrive. */
export function createReplayRing(capacity: number): ReplayRing {
  let kept = new Uint8Array(0);
  let total = 0;

  /** Nothing has wrapped around as long as the ring is smaller than it may become. */
  function grow(wanted: number): void {
    if (wanted <= kept.length || kept.length === capacity) return;
    const larger = new Uint8Array(Math.min(capacity, Math.max(wanted, kept.length * 2, FIRST_BYTES)));
    larger.set(kept.subarray(0, total));
    kept = larger;
  }

  return {
    get total() {
      return total;
    },
    push(bytes) {
      grow(total + bytes.length);
      const lost = Math.max(0, bytes.length - capacity);
      const tail = bytes.subarray(lost);
      if (tail.length === 0) return;
      const at = (total + lost) % kept.length;
      const first = tail.subarray(0, kept.length - at);
      kept.set(first, at);
      kept.set(tail.subarray(first.length), 0);
      total += bytes.length;
    },
    since(wanted) {
      const oldest = Math.max(0, total - capacity);
      const offset = Math.min(Math.max(wanted, oldest), total);
      const bytes = new Uint8Array(total - offset);
      if (bytes.length === 0) return { offset, bytes };
      const at = offset % kept.length;
      const first = kept.subarray(at, Math.min(kept.length, at + bytes.length));
      bytes.set(first, 0);
      bytes.set(kept.subarray(0, bytes.length - first.length), first.length);
      return { offset, bytes };
    },
  };
}
