import { Fault } from '@opensandbox/base';
import { refuse } from '../validation/issue.ts';
import { decodeLossy, decodeText } from './decode-text.ts';
import { JsonSyntaxError, parseJson } from './parse-json.ts';

const JSON_MEDIA_TYPE = /^\s*application\/(?:json|[^\s;]+\+json)\s*(?:;|$)/i;

/**
 * A request body as a value. `undefined`: no body, or JSON's `null`. A body whose content type is not JSON
 * comes back as its text, which no object schema accepts.
 *
 * Rejects with `invalid`: `request.invalid` (malformed JSON, with its place) or `request.unreadable` (bytes
 * that are no text, numbers or nesting without end).
 */
export function parseJsonBody(raw: Uint8Array | undefined, contentType: string | undefined): unknown {
  if (raw === undefined || raw.length === 0) return undefined;
  if (contentType === undefined || !JSON_MEDIA_TYPE.test(contentType)) return decodeLossy(raw);
  const text = decodeText(raw);
  if (text === undefined) throw unreadable();
  try {
    return parseJson(text) ?? undefined;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw unreadable(error);
    return refuse([
      {
        type: 'json_invalid',
        loc: ['body', error.offset],
        msg: 'JSON decode error',
        input: {},
        ctx: { error: error.message },
      },
    ]);
  }
}

function unreadable(cause?: unknown): Fault {
  return new Fault('invalid', 'request.unreadable', 'There was an error parsing the body', { cause });
}
