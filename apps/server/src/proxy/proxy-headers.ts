import { endToEndHeaders, headerIn } from '@opensandbox/http';

/** The caller's credentials for this server, and what must not reach a sandbox or is this hop's own business. */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'expect',
  'host',
  'open-sandbox-api-key',
  'open-sandbox-client-ip',
]);

export interface Hop {
  readonly rawHeaders: readonly string[];
  readonly requestId: string;
  readonly peer: string | undefined;
}

/** Header list for the service inside, `Host` excluded. Values and their order stay as they were sent. */
export function upstreamHeaders({ rawHeaders, requestId, peer }: Hop): string[] {
  const headers = endToEndHeaders(rawHeaders, NOT_FORWARDED);
  const addIfAbsent = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '' && headerIn(headers, name) === undefined) {
      headers.push(name, value);
    }
  };
  addIfAbsent('X-Forwarded-Proto', 'http');
  addIfAbsent('X-Forwarded-Host', headerIn(rawHeaders, 'host'));
  addIfAbsent('X-Forwarded-For', peer);
  addIfAbsent('X-Request-ID', requestId);
  return headers;
}

/**
 * Header list for the client: the service's own, minus what this server sets itself (`own`, lower-case names).
 * `Vary` is the one header that both may have a say in.
 */
export function downstreamHeaders(
  upstream: readonly string[],
  own: Readonly<Record<string, string>>,
): string[] {
  const names = new Set(Object.keys(own).filter((name) => name !== 'vary'));
  // A service that allows credentials did so for the origin it names, not for the one this server mirrors.
  if (names.has('access-control-allow-origin')) names.add('access-control-allow-credentials');
  const headers = endToEndHeaders(upstream, names).map(toLatin1);
  for (const [name, value] of Object.entries(own)) headers.push(name, value);
  return headers;
}

/** Bytes beyond ASCII arrive here read as UTF-8; headers are written as Latin-1, so the same bytes go out. */
function toLatin1(text: string): string {
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}
