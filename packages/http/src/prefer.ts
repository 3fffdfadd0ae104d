/**
 * Seconds of `wait` in a `Prefer` header (RFC 7240), or `undefined` when none is asked for. The first `wait`
 * counts; one that is not a whole number of seconds is ignored, as the RFC asks for unknown preferences.
 */
export function parsePreferWait(header: string | readonly string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  const text = typeof header === 'string' ? header : header.join(',');
  for (const preference of text.split(/[,;]/)) {
    const match = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*$/i.exec(preference);
    if (match !== null) return Number(match[1]);
  }
  return undefined;
}
