/** What the headers of one multipart part say. */
export interface PartHeaders {
  readonly name: string;
  /** Undefined when the part is a plain field. */
  readonly fileName: string | undefined;
}

/** `block` is the header lines of one part. Headers that cannot be read leave the name empty. */
export function parsePartHeaders(block: string): PartHeaders {
  const unfolded = block.replace(/\r?\n[ \t]+/g, ' ');
  for (const line of unfolded.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (line.slice(0, colon).trim().toLowerCase() !== 'content-disposition') continue;
    return readDisposition(line.slice(colon + 1));
  }
  return { name: '', fileName: undefined };
}

function readDisposition(value: string): PartHeaders {
  const parameters = parseParameters(value);
  const name = parameters.get('name') ?? decodeExtended(parameters.get('name*')) ?? '';
  const fileName = decodeExtended(parameters.get('filename*')) ?? parameters.get('filename');
  return { name, fileName };
}

/** The boundary of a `multipart/form-data` content type; undefined when it is anything else. */
export function parseBoundary(contentType: string | null): string | undefined {
  const value = contentType ?? '';
  if (!/^\s*multipart\/form-data\s*(;|$)/i.test(value)) return undefined;
  const boundary = parseParameters(value).get('boundary');
  return boundary === undefined || boundary === '' || boundary.length > 256 ? undefined : boundary;
}

const PARAMETER = /;\s*([^=;\s]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/gs;

/** The `key=value` parameters behind the first semicolon; keys in lower case, the first of a key wins. */
function parseParameters(value: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [, key = '', quoted, bare = ''] of value.matchAll(PARAMETER)) {
    const text = quoted === undefined ? bare.trim() : quoted.replace(/\\(["\\])/g, '$1');
    const lower = key.toLowerCase();
    if (!parameters.has(lower)) parameters.set(lower, text);
  }
  return parameters;
}

/** `charset'language'percent-encoded`, as `filename*` has it. Undefined when it is not that. */
function decodeExtended(value: string | undefined): string | undefined {
  const encoded = /^[^']*'[^']*'(.*)$/s.exec(value ?? '')?.[1];
  if (encoded === undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded; // the name of a file part decides nothing; a bad encoding must not refuse the upload
  }
}
