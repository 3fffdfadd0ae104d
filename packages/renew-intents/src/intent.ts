import { parseMoment } from './moment.ts';

/** Older news than this says nothing about now. */
export const LONGEST_AGE_MS = 300_000;
/** No gateway writes as much; what is longer is not even decoded. */
const MOST_BYTES = 64 * 1024;

/** A gateway saw somebody use a sandbox. */
export interface RenewIntent {
  readonly sandboxId: string;
  /** Epoch ms. */
  readonly observedAt: number;
  /** Port and path are for people who look into the queue; they decide nothing. */
  readonly port?: number | undefined;
  readonly requestUri?: string | undefined;
}

export type ParsedIntent =
  | { readonly kind: 'intent'; readonly intent: RenewIntent }
  /** Not an intent, or too old to act on. */
  | { readonly kind: 'malformed' | 'stale' };

const MALFORMED: ParsedIntent = { kind: 'malformed' };

/** One element of the queue as its bytes. Whatever they are, this answers and never throws. */
export function parseIntent(raw: Uint8Array, now: number): ParsedIntent {
  if (raw.byteLength > MOST_BYTES) return MALFORMED;
  const fields = asObject(raw);
  const id = fields?.['sandbox_id'];
  const observed = fields?.['observed_at'];
  if (typeof id !== 'string' || typeof observed !== 'string') return MALFORMED;
  const sandboxId = id.trim();
  const observedAt = parseMoment(observed.trim());
  if (sandboxId === '' || observedAt === undefined) return MALFORMED;
  if (now - observedAt > LONGEST_AGE_MS) return { kind: 'stale' };
  const port = portOf(fields?.['port']);
  const uri = fields?.['request_uri'];
  return {
    kind: 'intent',
    intent: {
      sandboxId,
      observedAt,
      ...(port === undefined ? {} : { port }),
      ...(typeof uri === 'string' && uri !== '' ? { requestUri: uri } : {}),
    },
  };
}

/** As one element of the queue. */
export function formatIntent({ sandboxId, observedAt, port, requestUri }: RenewIntent): string {
  return JSON.stringify({
    sandbox_id: sandboxId,
    observed_at: new Date(observedAt).toISOString(),
    ...(port === undefined || port === 0 ? {} : { port }),
    ...(requestUri === undefined || requestUri === '' ? {} : { request_uri: requestUri }),
  });
}

/** Bytes that are no UTF-8 become replacement characters: they spoil their own element and nothing else. */
function asObject(raw: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(raw));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return value as Readonly<Record<string, unknown>>;
  } catch {
    return undefined; // no JSON: not an intent
  }
}

function portOf(value: unknown): number | undefined {
  const port = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof port === 'number' && Number.isInteger(port) && port > 0 && port <= 65_535 ? port : undefined;
}
