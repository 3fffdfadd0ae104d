import { Fault } from '@opensandbox/base';

const KEY_ID = /^[0-9a-z]$/;
/** The standard alphabet; padding only at the end of a group of four. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** Bytes of standard base64, or `undefined`. `padding: 'required'` is what the gateway's own flags ask for. */
export function decodeKey(text: string, padding: 'required' | 'optional'): Uint8Array | undefined {
  if (text === '' || !BASE64.test(text)) return undefined;
  if (padding === 'required' && text.length % 4 !== 0) return undefined;
  return Buffer.from(text, 'base64');
}

/**
 * Keys written as `a=<base64>,b=<base64>`. Spaces, line ends and a trailing comma do not matter, lines that start with
 * `#` are left out, and of two keys with one id the last counts. Throws a Fault (`invalid`, `route.keys_malformed`)
 * that never shows a key.
 */
export function parseKeyList(text: string): Map<string, Uint8Array> {
  const keys = new Map<string, Uint8Array>();
  const entries = text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.split(','))
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  for (const [at, entry] of entries.entries()) {
    const equals = entry.indexOf('=');
    const id = equals === -1 ? '' : entry.slice(0, equals).trim();
    if (!KEY_ID.test(id))
      throw malformed(at, 'it has to begin with a key id of one character, 0-9 or a-z, and "="');
    const secret = decodeKey(entry.slice(equals + 1).trim(), 'required');
    if (secret === undefined) throw malformed(at, 'its value has to be standard base64 with padding');
    keys.set(id, secret);
  }
  return keys;
}

function malformed(at: number, what: string): Fault {
  return new Fault(
    'invalid',
    'route.keys_malformed',
    `Entry ${at + 1} of the signing keys is wrong: ${what}, for example a=bXktc2VjcmV0LWtleQ==.`,
  );
}
