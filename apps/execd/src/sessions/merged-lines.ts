/**
 * Cuts output into lines of text. Only `\n` ends one; a `\r` before it goes too, one inside stays. An empty line
 * is the text `\n`. Longer lines than `longestLine` characters come in pieces, so that memory stays bounded.
 */
export interface MergedLines {
  push(bytes: Uint8Array): string[];
  /** The line that was never ended, if there is one. Call once, at the end. */
  finish(): string[];
}

export function createMergedLines(longestLine: number): MergedLines {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let pending = '';
  /** The line so far was handed out: an end right behind it is not an empty line. */
  let isCut = false;

  function takeLine(line: string): string[] {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line;
    const isRest = isCut && text === '';
    isCut = false;
    if (isRest) return [];
    return [text === '' ? '\n' : text];
  }

  function split(text: string): string[] {
    const pieces = text.split('\n');
    const last = pieces.pop() ?? '';
    const lines = pieces.flatMap((piece, index) => takeLine(index === 0 ? pending + piece : piece));
    pending = pieces.length > 0 ? last : pending + last;
    if (pending.length < longestLine) return lines;
    // A `\r` at the cut may belong to the end of the line.
    const held = pending.endsWith('\r') ? '\r' : '';
    lines.push(pending.slice(0, pending.length - held.length));
    pending = held;
    isCut = true;
    return lines;
  }

  return {
    push: (bytes) => split(decoder.decode(bytes, { stream: true })),
    finish() {
      const lines = split(decoder.decode());
      return pending === '' ? lines : [...lines, ...takeLine(pending)];
    },
  };
}
