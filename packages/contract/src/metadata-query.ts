import { Fault } from '@opensandbox/base';

/**
 * Labels from the `metadata` query parameter, whose value is a query string of its own: `&` separates, the
 * first `=` ends the key, every part must have one, of equal keys the last wins. Empty means no filter.
 */
export function parseMetadataQuery(text: string | undefined): Readonly<Record<string, string>> {
  if (text === undefined || text === '') return {};
  return Object.fromEntries(text.split('&').map(parsePart));
}

function parsePart(part: string): readonly [key: string, value: string] {
  const equals = part.indexOf('=');
  if (equals < 0) {
    throw new Fault(
      'invalid',
      'request.metadata_query',
      `Invalid metadata format: bad query field: ${quote(part)}`,
    );
  }
  return [decode(part.slice(0, equals)), decode(part.slice(equals + 1))];
}

function quote(text: string): string {
  return text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text.replaceAll("'", "\\'")}'`;
}

/** `+` is a space. What is no proper escape stays as it is; bytes that are no UTF-8 become U+FFFD. */
function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  if (!spaced.includes('%')) return spaced;
  return spaced.replaceAll(/(?:%[0-9a-fA-F]{2})+/g, (escapes) => {
    const bytes = escapes
      .slice(1)
      .split('%')
      .map((hex) => Number.parseInt(hex, 16));
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  });
}
