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
const NEVER_FORWARDED: ReadonlySet<string> = new Set(['host', 'expect']);

/** Header list for the service, `Host` excluded. Values and their order stay as they were sent. */
export function upstreamHeaders(rawHeaders: readonly string[], rules: RequestHeaderRules): string[] {
  const { set = [], added = [] } = rules;
  const has = (name: string): boolean =>
    rules.dropped.has(name) ||
    NEVER_FORWARDED.has(name) ||
    (set.length > 0 && headerIn(set, name) !== undefined);
  const headers = endToEndHeaders(rawHeaders, { has });
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
  // A service that allows credentials did so for the origin it names, not for the one this server mirrors.
  const allows = 'access-control-allow-origin' in own;
  const has = (name: string): boolean =>
    (Object.hasOwn(own, name) && name !== 'vary') || (allows && name === 'access-control-allow-credentials');
  const headers = endToEndHeaders(upstream, { has });
  for (const [name, value] of Object.entries(own)) headers.push(name, value);
  return headers;
}
