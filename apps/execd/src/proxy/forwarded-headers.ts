import { SEALED_HEAD, endToEndHeaders, headerIn } from '@opensandbox/http';

/**
 * Replaced by the proxy itself, or not for the application behind it: the token would let it act with the
 * agent's rights. The length is set again from the body there is.
 */
const DROPPED: ReadonlySet<string> = new Set([
  'content-length',
  'expect',
  'sec-websocket-extensions',
  SEALED_HEAD,
  'x-execd-access-token',
]);

/** From strangers; a proxy that seals heads has told already who asked. */
const TOLD_ANEW: ReadonlySet<string> = new Set([
  ...DROPPED,
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
]);

/**
 * Says of an answer that it is the agent's own and not the application's, and why there is none of that: `refused`
 * (nothing listens), `failed` (the connection broke or carried no HTTP), `resend` (send it sealed), `unauthorized`. A proxy before the agent tells
 * by it whom it heard, so no application may say it.
 */
export const OWN_ANSWER_HEADER = 'opensandbox-execd-proxy';

const NOT_FROM_APPLICATIONS: ReadonlySet<string> = new Set([OWN_ANSWER_HEADER, SEALED_HEAD]);
const NOT_WITH_A_NEW_LENGTH: ReadonlySet<string> = new Set([
  OWN_ANSWER_HEADER,
  SEALED_HEAD,
  'content-length',
]);

/** The client's headers as the application behind the proxy gets them. */
export function forwardedHeaders(
  rawHeaders: readonly string[],
  peerAddress: string | undefined,
  isTold: boolean,
): string[] {
  if (isTold) return endToEndHeaders(rawHeaders, DROPPED);
  const kept = endToEndHeaders(rawHeaders, TOLD_ANEW);
  const chain = forwardedFor(rawHeaders, peerAddress);
  if (chain !== '') kept.push('X-Forwarded-For', chain);
  kept.push('X-Forwarded-Proto', 'http');
  return kept;
}

/** `own` in place of everything that came under the same names (lower case). */
export function withOwn(rawHeaders: readonly string[], own: readonly string[]): readonly string[] {
  if (own.length === 0) return rawHeaders;
  const names = new Set(own.filter((_, at) => at % 2 === 0));
  const kept = rawHeaders.filter((_, at) => !names.has((rawHeaders[at - (at % 2)] ?? '').toLowerCase()));
  return [...kept, ...own];
}

/** Who asked first, then who asked us. */
function forwardedFor(rawHeaders: readonly string[], peerAddress: string | undefined): string {
  const named = headerIn(rawHeaders, 'x-forwarded-for')?.split(',')[0]?.trim();
  const first =
    named !== undefined && named !== '' ? named : (headerIn(rawHeaders, 'x-real-ip') ?? peerAddress);
  return [first, peerAddress].filter((address) => address !== undefined && address !== '').join(', ');
}

/** An application's headers as they are told to a proxy that can take them sealed. */
export function sealableHeaders(rawHeaders: readonly string[]): string[] {
  return endToEndHeaders(rawHeaders, NOT_FROM_APPLICATIONS);
}

/** The headers of an answer as the client gets them: without its framing, which is ours to choose. */
export function returnedHeaders(rawHeaders: readonly string[], keepsLength: boolean): Headers {
  const headers = new Headers();
  const kept = endToEndHeaders(rawHeaders, keepsLength ? NOT_FROM_APPLICATIONS : NOT_WITH_A_NEW_LENGTH);
  for (let at = 0; at + 1 < kept.length; at += 2) {
    try {
      headers.append(kept[at] ?? '', kept[at + 1] ?? '');
    } catch {
      // a name or value no client could read
    }
  }
  return headers;
}
