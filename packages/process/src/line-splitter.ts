/** Cuts a byte stream into lines of text. */
export interface LineSplitter {
  push(bytes: Uint8Array): string[];
  /** The beginning of a line whose end has not come. What follows is handed out as if it were its own line: `\n` when it is the end alone. */
  takeBeginning(): string | undefined;
  /** The line that was never ended, if there is one. Call once, at the end of the stream. */
  finish(): string[];
}

/**
 * Lines end at `\n`, `\r` or `\r\n` (also when the two arrive apart); the end is not part of the line and an
 * empty line is the text `\n`. Bytes that are not UTF-8 become U+FFFD, sequences cut by a chunk are kept.
 * A line longer than `longestLine` characters is handed out in pieces, so that memory stays bounded.
 */
export function createLineSplitter(longestLine: number): LineSplitter {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let pending: string[] = [];
  let pendingLength = 0;
  let skipNewline = false;
  /** The line so far was handed out in pieces: an end right behind it is not an empty line. */
  let cut = false;

  function takePending(): string {
    const line = pending.length === 1 ? (pending[0] ?? '') : pending.join('');
    pending = [];
    pendingLength = 0;
    cut = false;
    return line;
  }

  function split(text: string): string[] {
    const lines: string[] = [];
    let start = 0;
    let feed = text.indexOf('\n');
    let carriage = text.indexOf('\r');
    while (feed !== -1 || carriage !== -1) {
      const isFeed = carriage === -1 || (feed !== -1 && feed < carriage);
      const at = isFeed ? feed : carriage;
      if (isFeed) feed = text.indexOf('\n', at + 1);
      else carriage = text.indexOf('\r', at + 1);
      if (skipNewline && isFeed && at === start) {
        start = at + 1;
        skipNewline = false;
        continue;
      }
      const wasCut = cut && pendingLength === 0 && at === start;
      pending.push(text.slice(start, at));
      const line = takePending();
      if (!wasCut) lines.push(line === '' ? '\n' : line);
      start = at + 1;
      skipNewline = !isFeed;
    }
    if (start < text.length) {
      skipNewline = false;
      pending.push(text.slice(start));
      pendingLength += text.length - start;
      if (pendingLength >= longestLine) {
        lines.push(takePending());
        cut = true;
      }
    }
    return lines;
  }

  return {
    push: (bytes) => split(decoder.decode(bytes, { stream: true })),
    takeBeginning: () => (pendingLength === 0 ? undefined : takePending()),
    finish() {
      const lines = split(decoder.decode());
      return pendingLength > 0 ? [...lines, takePending()] : lines;
    },
  };
}
