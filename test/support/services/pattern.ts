import { createHash } from 'node:crypto';

/** A prime, so that a piece in the wrong place never matches by chance. */
const BLOCK_BYTES = 65_537;
const PIECE_BYTES = 64 * 1024;

const block = Buffer.alloc(BLOCK_BYTES * 2);
for (let at = 0, x = 2_463_534_242; at < BLOCK_BYTES; at += 1) {
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  block[at] = x & 0xff;
}
block.copy(block, BLOCK_BYTES, 0, BLOCK_BYTES);

/** The bytes `from` up to `end` of an endless file that both sides know. */
export function patternAt(from: number, end: number): Buffer {
  const start = from % BLOCK_BYTES;
  return block.subarray(start, start + Math.min(PIECE_BYTES, end - from));
}

export function* pattern(from: number, end: number): Generator<Buffer, void> {
  for (let at = from; at < end; at += PIECE_BYTES) yield patternAt(at, end);
}

/** What a correct copy of its first bytes adds up to. */
export function patternSum(bytes: number): string {
  const hash = createHash('sha256');
  for (const piece of pattern(0, bytes)) hash.update(piece);
  return hash.digest('hex');
}
