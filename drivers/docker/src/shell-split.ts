/**
 * Splits a line into words as a POSIX shell would, without expanding anything: single quotes keep all, double
 * quotes keep all but `\` before `"` and `\`, a bare backslash keeps the next character.
 * `undefined` when a quote or an escape is left open.
 */
export function shellSplit(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word ??= '';
    const part = char === "'" || char === '"' ? readQuoted(line, at) : readBare(line, at);
    if (part === undefined) return undefined;
    word += part.text;
    at = part.last;
  }
  if (word !== undefined) words.push(word);
  return words;
}

interface Part {
  readonly text: string;
  /** Index of the last character that was used. */
  readonly last: number;
}

function readBare(line: string, at: number): Part | undefined {
  if (line.charAt(at) !== '\\') return { text: line.charAt(at), last: at };
  return at + 1 < line.length ? { text: line.charAt(at + 1), last: at + 1 } : undefined;
}

function readQuoted(line: string, start: number): Part | undefined {
  const quote = line.charAt(start);
  let text = '';
  for (let at = start + 1; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (char === quote) return { text, last: at };
    const next = line.charAt(at + 1);
    const escapes = quote === '"' && char === '\\' && (next === '"' || next === '\\');
    text += escapes ? next : char;
    if (escapes) at += 1;
  }
  return undefined;
}
