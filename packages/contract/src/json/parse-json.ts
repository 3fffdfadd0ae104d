/**
 * A JSON parser where `JSON.parse` is not enough: it tells where and why a text is malformed, keeps integers
 * beyond 2^53 exact (as bigint), and bounds depth and digits. Of duplicate keys the last wins.
 */

/** The text is not JSON; `offset` counts characters. */
export class JsonSyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, text: string, position: number) {
    super(message);
    this.name = 'JsonSyntaxError';
    this.offset = Array.from(text.slice(0, position)).length;
  }
}

/** The text may be JSON but is not taken: nested too deep, or a number without end. */
export class JsonLimitError extends Error {}

const MAX_DEPTH = 500;
const MAX_DIGITS = 4300;
const NUMBER = /(-?(?:0|[1-9]\d*))(\.\d+)?([eE][-+]?\d+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const SPACE = /[ \t\n\r]*/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const WORDS: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['true', true],
  ['false', false],
];

export function parseJson(text: string): unknown {
  const cursor = new Cursor(text);
  cursor.skipSpace();
  const value = readValue(cursor, 0);
  cursor.skipSpace();
  if (cursor.peek() !== '') throw cursor.error('Extra data');
  return value;
}

class Cursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get at(): number {
    return this.#at;
  }

  peek(): string {
    return this.#text.charAt(this.#at);
  }

  move(count: number): void {
    this.#at += count;
  }

  skipSpace(): void {
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = SPACE.lastIndex;
  }

  /** Runs a sticky expression here and steps over what it matched. */
  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at += match[0].length;
    return match;
  }

  takeWord(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  error(message: string, position = this.#at): JsonSyntaxError {
    return new JsonSyntaxError(message, this.#text, position);
  }
}

function readValue(cursor: Cursor, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new JsonLimitError('The JSON is nested too deep.');
  const first = cursor.peek();
  if (first === '"') return readString(cursor);
  if (first === '{') return readObject(cursor, depth);
  if (first === '[') return readArray(cursor, depth);
  for (const [word, value] of WORDS) if (cursor.takeWord(word)) return value;
  return readNumber(cursor);
}

function readNumber(cursor: Cursor): number | bigint {
  const match = cursor.take(NUMBER);
  if (match === null) throw cursor.error('Expecting value');
  const [text, digits = ''] = match;
  if (text.length > digits.length) return Number(text);
  if (digits.length > MAX_DIGITS) throw new JsonLimitError('A number has too many digits.');
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

function readObject(cursor: Cursor, depth: number): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  cursor.move(1);
  cursor.skipSpace();
  if (cursor.takeWord('}')) return object;
  for (;;) {
    if (cursor.peek() !== '"') throw cursor.error('Expecting property name enclosed in double quotes');
    const key = readString(cursor);
    cursor.skipSpace();
    if (!cursor.takeWord(':')) throw cursor.error("Expecting ':' delimiter");
    cursor.skipSpace();
    setMember(object, key, readValue(cursor, depth + 1));
    cursor.skipSpace();
    if (cursor.takeWord('}')) return object;
    if (!cursor.takeWord(',')) throw cursor.error("Expecting ',' delimiter");
    cursor.skipSpace();
  }
}

function setMember(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') object[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

function readArray(cursor: Cursor, depth: number): unknown[] {
  const items: unknown[] = [];
  cursor.move(1);
  cursor.skipSpace();
  if (cursor.takeWord(']')) return items;
  for (;;) {
    items.push(readValue(cursor, depth + 1));
    cursor.skipSpace();
    if (cursor.takeWord(']')) return items;
    if (!cursor.takeWord(',')) throw cursor.error("Expecting ',' delimiter");
    cursor.skipSpace();
  }
}

function readString(cursor: Cursor): string {
  const start = cursor.at;
  cursor.move(1);
  let text = '';
  for (;;) {
    text += cursor.take(PLAIN)?.[0] ?? '';
    const next = cursor.peek();
    if (next === '"') {
      cursor.move(1);
      return text;
    }
    if (next === '') throw cursor.error('Unterminated string starting at', start);
    if (next !== '\\') throw cursor.error('Invalid control character at');
    text += readEscape(cursor, start);
  }
}

function readEscape(cursor: Cursor, start: number): string {
  const at = cursor.at;
  cursor.move(1);
  const letter = cursor.peek();
  if (letter === '') throw cursor.error('Unterminated string starting at', start);
  cursor.move(1);
  if (letter !== 'u') {
    const plain = ESCAPES[letter];
    if (plain === undefined) throw cursor.error('Invalid \\escape', at);
    return plain;
  }
  const digits = cursor.take(/[0-9a-fA-F]{4}/y)?.[0];
  if (digits === undefined) throw cursor.error('Invalid \\uXXXX escape', at + 1);
  return String.fromCharCode(Number.parseInt(digits, 16));
}
