import { endToEndHeaders } from '@opensandbox/http';
import { TOKEN_HEADER } from '../access-token.ts';

/**
 * Replaced by the proxy itself, or not for the application behind it: the token would let it act with the
 * agent's rights. The length is set again from the body there is.
 */
const DROPPED: ReadonlySet<string> = new Set([
  'content-length',
  'expect',
  'sec-websocket-extensions',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  TOKEN_HEADER,
]);

/** The client's headers as the application behind the proxy gets them. */
export function forwardedHeaders(headers: Headers, peerAddress: string | undefined): string[] {
  const raw: string[] = [];
  for (const [name, value] of headers) raw.push(name, value);
  const kept = endToEndHeaders(raw, DROPPED);
  const chain = forwardedFor(headers, peerAddress);
  if (chain !== '') kept.push('X-Forwarded-For', chain);
  kept.push('X-Forwarded-Proto', 'http');
  return kept;
}

/** Who asked first, then who asked us. */
function forwardedFor(headers: Headers, peerAddress: string | undefined): string {
  const named = headers.get('x-forwarded-for')?.split(',')[0]?.trim();
  const first = named !== undefined && named !== '' ? named : (headers.get('x-real-ip') ?? peerAddress);
  return [first, peerAddress].filter((address) => address !== undefined && address !== '').join(', ');
}

/** The headers of an answer as the client gets them: without its framing, which is ours to choose. */
export function returnedHeaders(rawHeaders: readonly string[], keepsLength: boolean): Headers {
  const headers = new Headers();
  const kept = endToEndHeaders(rawHeaders, keepsLength ? new Set() : new Set(['content-length']));
  for (let at = 0; at + 1 < kept.length; at += 2) {
    try {
      headers.append(kept[at] ?? '', kept[at + 1] ?? '');
    } catch {
      // a name or value no client could read
    }
  }
  return headers;
}
