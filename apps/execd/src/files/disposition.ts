/**
 * The `Content-Disposition` of a downloaded file. Control characters are dropped, so that a name can neither
 * end the header nor hide in a log; quotes and backslashes are escaped; what ASCII cannot say is percent-encoded.
 */
export function formatDisposition(fileName: string): string {
  const name = fileName.replace(/\p{Cc}/gu, '');
  if (/^[ -~]*$/.test(name)) return `attachment; filename="${name.replace(/["\\]/g, '\\$&')}"`;
  const encoded = percentEncode(name);
  return `attachment; filename="${encoded}"; filename*=UTF-8''${encoded}`;
}

const UNRESERVED = /[A-Za-z0-9._~-]/;

function percentEncode(text: string): string {
  let encoded = '';
  for (const byte of new TextEncoder().encode(text)) {
    const char = String.fromCharCode(byte);
    encoded += UNRESERVED.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
