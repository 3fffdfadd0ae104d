/** Fields that belong to one connection and never travel through a proxy, plus two that never should have. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'trailers',
  'transfer-encoding',
  'upgrade',
]);

/** No connection option: without its length a body would be read as the next message. */
const FRAMING = 'content-length';

const CONNECTION = 'connection';

/** Names, lower case, that `Connection` fields declare to be for this connection only. */
export function connectionOptions(rawHeaders: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const header = rawHeaders[at] ?? '';
    if (header.length !== CONNECTION.length || header.toLowerCase() !== CONNECTION) continue;
    for (const option of (rawHeaders[at + 1] ?? '').split(',')) {
      const name = option.trim().toLowerCase();
      if (name !== '' && name !== FRAMING) names.add(name);
    }
  }
  return names;
}

/**
 * A flat list of header names and values (as `rawHeaders` has it: order, spelling and repetition kept) without
 * what is hop-by-hop and without the names that `dropped` has (lower case).
 */
export function endToEndHeaders(
  rawHeaders: readonly string[],
  dropped: { has(name: string): boolean },
): string[] {
  const named = connectionOptions(rawHeaders);
  const kept: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const key = name.toLowerCase();
    if (HOP_BY_HOP.has(key) || named.has(key) || dropped.has(key)) continue;
    kept.push(name, rawHeaders[at + 1] ?? '');
  }
  return kept;
}

/** The first value of a header in a flat list; names are compared without case. */
export function headerIn(rawHeaders: readonly string[], name: string): string | undefined {
  const key = name.toLowerCase();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const header = rawHeaders[at] ?? '';
    if (header.length === key.length && header.toLowerCase() === key) return rawHeaders[at + 1];
  }
  return undefined;
}
