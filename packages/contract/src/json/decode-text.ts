/** Bytes as text in the Unicode form they are in (UTF-8, UTF-16, UTF-32; by mark or by pattern); undefined when malformed. */
export function decodeText(bytes: Uint8Array): string | undefined {
  const form = detect(bytes);
  if (form === 'utf-32le' || form === 'utf-32be') return decode32(bytes, form === 'utf-32le');
  try {
    return new TextDecoder(form, { fatal: true }).decode(bytes);
  } catch {
    return undefined; // the decoder's own words say nothing a client could use
  }
}

/** Bytes as UTF-8 text, with replacement marks where they are not. */
export function decodeLossy(bytes: Uint8Array): string {
  return new TextDecoder('utf-8').decode(bytes);
}

type Form = 'utf-8' | 'utf-16le' | 'utf-16be' | 'utf-32le' | 'utf-32be';

function detect(bytes: Uint8Array): Form {
  return fromMark(bytes) ?? fromPattern(bytes);
}

function fromMark(bytes: Uint8Array): Form | undefined {
  const [a, b, c, d] = bytes;
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? 'utf-32le' : 'utf-16le';
  if (a === 0xfe && b === 0xff) return 'utf-16be';
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return 'utf-32be';
  return undefined;
}

/** JSON begins with two ASCII characters, so the places of the zero bytes tell the width and the order. */
function fromPattern(bytes: Uint8Array): Form {
  const [a, b, c, d] = bytes;
  if (bytes.length >= 4) {
    if (a === 0) return b === 0 ? 'utf-32be' : 'utf-16be';
    if (b === 0) return c === 0 && d === 0 ? 'utf-32le' : 'utf-16le';
  } else if (bytes.length === 2) {
    if (a === 0) return 'utf-16be';
    if (b === 0) return 'utf-16le';
  }
  return 'utf-8';
}

function decode32(bytes: Uint8Array, little: boolean): string | undefined {
  if (bytes.length % 4 !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const point = view.getUint32(at, little);
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return undefined;
    if (at > 0 || point !== 0xfeff) parts.push(String.fromCodePoint(point));
  }
  return parts.join('');
}
