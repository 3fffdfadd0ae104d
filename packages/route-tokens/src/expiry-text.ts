/** The greatest 64-bit number: the last second that a route can be signed for. */
export const LATEST_EXPIRY = 2n ** 64n - 1n;
const LONGEST_DIGITS = 13;

/** Unix seconds in base 36, as signed routes carry them. `seconds` lies between 0 and `LATEST_EXPIRY`. */
export function formatExpiry(seconds: bigint): string {
  if (seconds < 0n || seconds > LATEST_EXPIRY) throw new RangeError('an expiry has 64 bits, without a sign');
  return seconds.toString(36);
}

/** The inverse; `undefined` for anything that `formatExpiry` does not write. */
export function parseExpiry(text: string): bigint | undefined {
  if (text.length > LONGEST_DIGITS || !/^(?:0|[1-9a-z][0-9a-z]*)$/.test(text)) return undefined;
  let seconds = 0n;
  for (const digit of text) seconds = seconds * 36n + BigInt(Number.parseInt(digit, 36));
  return seconds > LATEST_EXPIRY ? undefined : seconds;
}
