/*
 * A head that passes a hop whose HTTP library changes heads: repeated fields are joined there, bytes beyond ASCII are
 * read as another encoding, paths are tidied up, lengths of streams get lost. The sender puts the head as it was into
 * one field besides; the receiver behind the library takes it from there.
 */

/** Carries a sealed head, or `-`: nothing needs one, but the answer may come sealed. */
export const SEALED_HEAD = 'opensandbox-execd-head';
export const NO_SEAL = '-';
/** A head must still be read by the library that it passes; what is longer goes without a seal. */
const LONGEST_SEAL = 6 * 1024;

export interface SealedRequest {
  readonly method: string;
  readonly target: string;
  /** Flat list of names and values; bytes as Latin-1. */
  readonly rawHeaders: readonly string[];
}

/** The seal for a request, or `-` when the library would change nothing that matters. */
export function sealRequest({ method, target, rawHeaders }: SealedRequest, isNeeded = false): string {
  if (!isNeeded && !TIDIED.test(target) && !isChanged(rawHeaders)) return NO_SEAL;
  return seal([method, target, ...rawHeaders]) ?? NO_SEAL;
}

/** The seal for the headers of an answer, or `undefined` when the library would change nothing that matters. */
export function sealAnswer(rawHeaders: readonly string[], losesLength: boolean): string | undefined {
  return losesLength || isChanged(rawHeaders) ? seal(rawHeaders) : undefined;
}

export function openRequest(text: string | null): SealedRequest | undefined {
  const [method, target, ...rawHeaders] = open(text) ?? [];
  if (method === undefined || target === undefined) return undefined;
  if (!/^[A-Z]+$/.test(method) || !/^\/[\x21-\x7e\x80-\xff]*$/.test(target)) return undefined;
  return isHeaderList(rawHeaders) ? { method, target, rawHeaders } : undefined;
}

export function openAnswer(text: string): readonly string[] | undefined {
  const rawHeaders = open(text);
  return rawHeaders !== undefined && isHeaderList(rawHeaders) ? rawHeaders : undefined;
}

/** What libraries that read paths as URLs write in another way. */
const TIDIED = /[^A-Za-z0-9\-._~!$&'()*+,;=:@%/?]/;
/** Repeated on purpose by everybody, and kept apart by every library. */
const KEPT_APART = 'set-cookie';

function isChanged(rawHeaders: readonly string[]): boolean {
  const names = new Set<string>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (names.has(name) && name !== KEPT_APART) return true;
    if (/[^\t\x20-\x7e]/.test(rawHeaders[at + 1] ?? '')) return true;
    names.add(name);
  }
  return false;
}

function seal(texts: readonly string[]): string | undefined {
  const text = Buffer.from(JSON.stringify(texts), 'utf8').toString('base64url');
  return text.length > LONGEST_SEAL ? undefined : text;
}

function open(text: string | null): readonly string[] | undefined {
  if (text === null || text === NO_SEAL || text.length > LONGEST_SEAL) return undefined;
  try {
    const texts = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown;
    return Array.isArray(texts) && texts.every((part) => typeof part === 'string') ? texts : undefined;
  } catch {
    return undefined; // somebody else's field of this name
  }
}

function isHeaderList(texts: readonly string[]): boolean {
  if (texts.length % 2 !== 0) return false;
  return texts.every((text, at) =>
    at % 2 === 0 ? /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text) : /^[\t\x20-\x7e\x80-\xff]*$/.test(text),
  );
}
