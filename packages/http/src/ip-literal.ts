import { isIP } from 'node:net';

/** Longest text form of an IPv6 address, with an embedded IPv4 part. */
const LONGEST = 45;

/** `text` when it is exactly one IPv4 or IPv6 address without a zone, else `undefined`. For logs only. */
export function ipLiteral(text: string | readonly string[] | undefined): string | undefined {
  if (typeof text !== 'string' || text.length > LONGEST || text.includes('%')) return undefined;
  return isIP(text) === 0 ? undefined : text;
}
