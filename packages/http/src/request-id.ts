const LONGEST = 128;
const PRINTABLE = /^[\x21-\x7e]+(?: +[\x21-\x7e]+)*$/;

/**
 * The request id a client sent, trimmed, or one of ours: 32 lower-case hex characters. One that is longer than
 * 128 characters or not printable ASCII is replaced, since it is echoed in a header and written to logs.
 */
export function requestIdOf(header: string | readonly string[] | undefined, newUuid: () => string): string {
  if (typeof header === 'string') {
    const id = header.trim();
    if (id.length <= LONGEST && PRINTABLE.test(id)) return id;
  }
  return newUuid().replaceAll('-', '');
}
