import type { Moment } from '@opensandbox/core';
import { formatTimestamp, renewRequest, validate } from '@opensandbox/contract';

export interface Renewal {
  /** What the deadline becomes, with the microseconds that were asked for. */
  readonly expiresAt: Moment;
  /** The same moment as the client is told, now and whenever it reads the sandbox. */
  readonly text: string;
}

export function parseRenew(body: unknown): Renewal {
  const { expiresAt } = validate(renewRequest, body, 'body');
  return { expiresAt, text: formatTimestamp(expiresAt) };
}
