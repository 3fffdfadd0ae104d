import { endToEndHeaders, headerIn } from '@opensandbox/http';

/** What one proxy does with the headers of a request on their way to the service. */
export interface RequestHeaderRules {
  /** Names, lower case, that never reach the service, beyond those that are hop-by-hop. */
  readonly dropped: ReadonlySet<string>;
  /** Names and values that this proxy owns: they replace what the client sent under the same names. */
  readonly set?: readonly string[];
  /** Names and values that are added where the client sent none. */
  readonly added?: readonly (readonly [name: string, value: string | undefined])[];
}

/** `Host` is the destination's own; an expectation is answered by the hop that it reached. */
const NEVER_FORWARDED = ['host', 'expect'];

/** Header list for the service, `Host` excluded. Values and their order stay as they were sent. */
export function upstreamHeaders(rawHeaders: readonly string[], rules: RequestHeaderRules): string[] {
  const { set = [], added = [] } = rules;
  const dropped = new Set([...rules.dropped, ...NEVER_FORWARDED]);
  for (let at = 0; at < set.length; at += 2) dropped.add((set[at] ?? '').toLowerCase());
  const headers = endToEndHeaders(rawHeaders, dropped);
  headers.push(...set);
  for (const [name, value] of added) {
    if (value !== undefined && value !== '' && headerIn(headers, name) === undefined) {
      headers.push(name, value);
    }
  }
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
  const headers = endToEndHeaders(upstream, names);
  for (const [name, value] of Object.entries(own)) headers.push(name, value);
  return headers;
}
