/** One request as a service read it. */
export interface RawRequest {
  readonly line: string;
  readonly headers: readonly string[];
  readonly body: string;
}

/**
 * The requests in the bytes of one connection, read by the letter of RFC 9112. Throws when they are anything else than
 * whole, unambiguous requests.
 */
export function requestsIn(text: string): readonly RawRequest[] {
  const requests: RawRequest[] = [];
  let rest = text;
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) throw new Error(`half a head: ${JSON.stringify(rest)}`);
    const [line = '', ...headers] = rest.slice(0, end).split('\r\n');
    if (!/^[A-Z]+ [\x21-\x7e\x80-\xff]+ HTTP\/1\.1$/.test(line)) throw new Error(`no request line: ${line}`);
    for (const header of headers) {
      if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\x00\n\r]*$/.test(header))
        throw new Error(`no header: ${header}`);
    }
    const { body, length } = bodyIn(rest.slice(end + 4), headers);
    requests.push({ line, headers, body });
    rest = rest.slice(end + 4 + length);
  }
  return requests;
}

function valuesOf(headers: readonly string[], name: string): readonly string[] {
  return headers
    .filter((header) => header.toLowerCase().startsWith(`${name}:`))
    .map((header) => header.slice(name.length + 1).trim());
}

function bodyIn(
  text: string,
  headers: readonly string[],
): { readonly body: string; readonly length: number } {
  const codings = valuesOf(headers, 'transfer-encoding');
  const lengths = valuesOf(headers, 'content-length');
  if (codings.length + lengths.length > 1) throw new Error(`ambiguous framing: ${headers.join(' | ')}`);
  if (codings.length === 1) {
    if (codings[0]?.toLowerCase() !== 'chunked') throw new Error(`odd coding: ${codings[0]}`);
    return chunksIn(text);
  }
  const length = lengths[0] === undefined ? 0 : Number(lengths[0]);
  if (!Number.isSafeInteger(length) || length < 0 || text.length < length) throw new Error('a broken length');
  return { body: text.slice(0, length), length };
}

function chunksIn(text: string): { readonly body: string; readonly length: number } {
  let body = '';
  let at = 0;
  for (;;) {
    const size = /^([0-9a-f]+)\r\n/i.exec(text.slice(at, at + 20));
    if (size === null) throw new Error(`a broken chunk: ${JSON.stringify(text.slice(at, at + 20))}`);
    const bytes = Number.parseInt(size[1] ?? '', 16);
    at += size[0].length;
    if (bytes === 0) {
      const end = text.startsWith('\r\n', at) ? at + 2 : text.indexOf('\r\n\r\n', at) + 4;
      if (end < at) throw new Error('broken trailers');
      return { body, length: end };
    }
    body += text.slice(at, at + bytes);
    if (text.slice(at + bytes, at + bytes + 2) !== '\r\n') throw new Error('a chunk without end');
    at += bytes + 2;
  }
}
