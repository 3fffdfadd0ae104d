/**
 * The end of a text, at most so many bytes of UTF-8, from the beginning of a line on where there is one. Never half
 * a character.
 */
export function keepEnd(text: string, mostBytes: number): string {
  if (Buffer.byteLength(text) <= mostBytes) return text;
  const bytes = Buffer.from(text);
  let from = bytes.length - mostBytes;
  const isLineStart = bytes[from - 1] === 0x0a;
  const newline = bytes.indexOf(0x0a, from);
  if (!isLineStart && newline !== -1 && newline + 1 < bytes.length)
    return bytes.toString('utf8', newline + 1);
  while (((bytes[from] ?? 0) & 0xc0) === 0x80) from += 1;
  return bytes.toString('utf8', from);
}
