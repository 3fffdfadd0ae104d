import { fstatSync, readSync } from 'node:fs';
import type { Clock } from '@opensandbox/base';
import { sleep } from '@opensandbox/base';

const CHUNK_BYTES = 64 * 1024;
const SHORTEST_WAIT_MS = 4;
const LONGEST_WAIT_MS = 100;

export interface TailSource {
  /** Open for reading; stays open. It may have lost its name already. */
  readonly fd: number;
  readonly clock: Clock;
  /** Aborts when the writer has ended: what is there by then is still delivered, later writes are not. */
  readonly ended: AbortSignal;
  /** Takes one piece; the next is read when it is done, so a slow consumer holds nothing in memory. */
  readonly onBytes: (bytes: Uint8Array) => Promise<void>;
}

/**
 * Follows a growing file. Looks again after 4 ms while the file grows and ever more seldom, up to every
 * 100 ms, while it does not. Returns when the writer ended, or as soon as `signal` aborts.
 */
export async function tailFile(source: TailSource, signal: AbortSignal): Promise<void> {
  let offset = 0;
  let waitMs = SHORTEST_WAIT_MS;
  while (!signal.aborted) {
    const ended = source.ended.aborted; // asked before the size: what was written before the end counts
    const size = fstatSync(source.fd).size;
    if (size < offset) offset = 0; // opened anew as /dev/stdout, which empties it
    waitMs = size > offset ? SHORTEST_WAIT_MS : Math.min(waitMs * 2, LONGEST_WAIT_MS);
    offset = await deliver(source, { offset, size }, signal);
    if (ended) return;
    await sleep(source.clock, waitMs, source.ended).catch(() => undefined); // the end cuts the wait short
  }
}

async function deliver(
  source: TailSource,
  range: { readonly offset: number; readonly size: number },
  signal: AbortSignal,
): Promise<number> {
  let offset = range.offset;
  while (offset < range.size && !signal.aborted) {
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, range.size - offset));
    const read = readSync(source.fd, buffer, 0, buffer.length, offset);
    if (read === 0) break; // someone truncated it
    offset += read;
    await source.onBytes(buffer.subarray(0, read));
  }
  return offset;
}
