import type { LogPiece, LogStream } from './log-frames.ts';

const NEWLINE = 0x0a;
/** What an engine puts before every entry when it is asked for the time. */
const STAMP = /^\d{4}-\d{2}-\d{2}T[0-9:.]{8,18}(Z|[+-]\d{2}:\d{2}) /;
const LONGEST_STAMP = 40;

/**
 * Keeps the end of a log: whole lines, up to a number of bytes. A line that the engine cut into several entries is
 * one line again, with the time of the first. Lines of the two outputs stay in the order in which they ended.
 */
export class LogTail {
  readonly #maxBytes: number;
  readonly #lines: Buffer[] = [];
  readonly #open: Record<LogStream, Buffer[]> = { stdout: [], stderr: [] };
  #kept = 0;
  #isTruncated = false;
  /** All that came in. */
  bytes = 0;
  /** Entries of the engine's log, which its own `tail` counts. */
  entries = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isTruncated(): boolean {
    return this.#isTruncated;
  }

  add({ stream, bytes, isStart }: LogPiece): void {
    this.bytes += bytes.length;
    if (isStart) this.entries += 1;
    const isContinued = isStart && this.#open[stream].length > 0;
    let rest = isContinued ? bytes.subarray(stampBytes(bytes)) : bytes;
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      this.#take(stream, rest.subarray(0, end + 1));
      this.#endLine(stream);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) this.#take(stream, rest);
  }

  /** Everything kept; bytes that are no UTF-8 are replaced. */
  text(): string {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#open[stream].length === 0) continue;
      this.#take(stream, Buffer.from([NEWLINE]));
      this.#endLine(stream);
    }
    return Buffer.concat(this.#lines).toString('utf8');
  }

  #take(stream: LogStream, bytes: Buffer): void {
    const parts = this.#open[stream];
    parts.push(Buffer.from(bytes)); // a copy: the chunk it is part of may be large
    let size = parts.reduce((sum, part) => sum + part.length, 0);
    while (size > this.#maxBytes) {
      const first = parts.shift() ?? Buffer.alloc(0);
      const excess = Math.min(first.length, size - this.#maxBytes);
      const rest = first.subarray(excess + continuationBytes(first, excess));
      if (rest.length > 0) parts.unshift(rest);
      size -= first.length - rest.length;
      this.#isTruncated = true;
    }
  }

  #endLine(stream: LogStream): void {
    const line = Buffer.concat(this.#open[stream].splice(0));
    this.#lines.push(line);
    this.#kept += line.length;
    while (this.#kept > this.#maxBytes) {
      this.#kept -= this.#lines.shift()?.length ?? 0;
      this.#isTruncated = true;
    }
  }
}

function stampBytes(bytes: Buffer): number {
  return STAMP.exec(bytes.subarray(0, LONGEST_STAMP).toString('latin1'))?.[0].length ?? 0;
}

/** How many bytes from `at` on belong to a character that begins before it. */
function continuationBytes(bytes: Buffer, at: number): number {
  let count = 0;
  while (count < 3 && ((bytes[at + count] ?? 0) & 0xc0) === 0x80) count += 1;
  return count;
}
