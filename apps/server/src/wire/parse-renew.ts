import { formatTimestamp, renewRequest, validate } from '@opensandbox/contract';

export interface Renewal {
  /** Epoch ms: what the deadline becomes. */
  readonly expiresAt: number;
  /** The same moment as the client is told, with the microseconds it asked for. */
  readonly text: string;
}

export function parseRenew(body: unknown): Renewal {
  const { expiresAt } = validate(renewRequest, body, 'body');
  return { expiresAt: expiresAt.ms, text: formatTimestamp(expiresAt) };
}
