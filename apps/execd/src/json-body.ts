import { agentFault } from './error-envelope.ts';

/** Larger than any honest request: file contents travel as multipart, not as JSON. */
const LONGEST_BODY_BYTES = 32 * 1024 * 1024;

/**
 * The first JSON value of a request's body. What follows it is ignored and the Content-Type is not looked at.
 * Rejects with `INVALID_REQUEST_BODY` when there is no value; `prefix` opens the message.
 */
export async function readJsonBody(
  request: Request,
  prefix = 'error parsing request, MAYBE invalid body format. ',
): Promise<unknown> {
  return parseBody(await readBytes(request, prefix), prefix);
}

/** The same where a request may come without a body: nothing at all is `null`. */
export async function readOptionalJsonBody(request: Request, prefix: string): Promise<unknown> {
  const bytes = await readBytes(request, prefix);
  return bytes.length === 0 ? null : parseBody(bytes, prefix);
}

function parseBody(bytes: Uint8Array, prefix: string): unknown {
  try {
    return parseFirstJson(new TextDecoder().decode(bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw agentFault('invalid', 'INVALID_REQUEST_BODY', prefix + reason);
  }
}

async function readBytes(request: Request, prefix: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  if (request.body !== null) {
    for await (const piece of request.body as AsyncIterable<Uint8Array>) {
      total += piece.byteLength;
      if (total > LONGEST_BODY_BYTES) {
        throw agentFault('invalid', 'INVALID_REQUEST_BODY', `${prefix}the body is longer than 32 MiB`);
      }
      pieces.push(piece);
    }
  }
  return Buffer.concat(pieces);
}

/** Parses the first JSON value of `text`; throws a SyntaxError that says what is wrong. */
export function parseFirstJson(text: string): unknown {
  const start = skipSpace(text, 0);
  if (start === text.length) throw new SyntaxError('EOF');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const end = endOfValue(text, start);
    if (end === undefined || end === text.length) throw error;
    return JSON.parse(text.slice(start, end)) as unknown;
  }
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at += 1;
  return at;
}

/** Where the value that starts at `start` ends; undefined when it is cut off. Does not check its inside. */
function endOfValue(text: string, start: number): number | undefined {
  const first = text.charAt(start);
  if (first === '"') return endOfString(text, start);
  if (first === '{' || first === '[') return endOfNested(text, start);
  const bare = /[-+.\w]+/y;
  bare.lastIndex = start;
  return bare.test(text) ? bare.lastIndex : undefined;
}

function endOfNested(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '"') {
      const end = endOfString(text, at);
      if (end === undefined) return undefined;
      at = end - 1;
    } else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

function endOfString(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '\\') at += 1;
    else if (char === '"') return at + 1;
  }
  return undefined;
}
