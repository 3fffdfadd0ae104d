/**
 * The eleven reasons an operation can be refused or fail, named by what the caller should do next.
 *
 * `invalid` change the request · `unauthenticated` send credentials · `forbidden` ask for rights ·
 * `not_found` it is not there · `conflict` its state does not allow this now · `exhausted` too much at
 * once · `unsupported` this server never does it · `unavailable` try again, the other side is away ·
 * `timeout` it took too long · `cancelled` the caller went away · `internal` a bug or an engine failure.
 */
export type FaultKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'exhausted'
  | 'unsupported'
  | 'unavailable'
  | 'timeout'
  | 'cancelled'
  | 'internal';

export interface FaultOptions {
  /** The original error. Logged (redacted), never sent to a client. */
  readonly cause?: unknown;
  /** Machine-readable details that may be sent to a client. Never put a secret here. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** How long a caller should wait before it asks again, in milliseconds. */
  readonly retryAfterMs?: number;
}

/**
 * The only error class that crosses a layer.
 *
 * `kind` drives behaviour, `code` is stable text (`area.reason`, for instance `image.pull_failed`) that a
 * transport translates to its public code, `message` is one sentence for people and says what to do.
 */
export class Fault extends Error {
  readonly kind: FaultKind;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(kind: FaultKind, code: string, message: string, options: FaultOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'Fault';
    this.kind = kind;
    this.code = code;
    this.details = options.details;
    this.retryAfterMs = options.retryAfterMs;
  }
}

export function isFault(value: unknown, kind?: FaultKind): value is Fault {
  return value instanceof Fault && (kind === undefined || value.kind === kind);
}

/** Any thrown value as a Fault: a Fault stays itself, an abort becomes `cancelled`, the rest `internal`. */
export function toFault(value: unknown, code = 'internal.unexpected'): Fault {
  if (value instanceof Fault) return value;
  if (isAbort(value)) {
    return new Fault('cancelled', 'operation.cancelled', 'The operation was cancelled.', { cause: value });
  }
  return new Fault('internal', code, 'An unexpected error occurred.', { cause: value });
}

function isAbort(value: unknown): boolean {
  return value instanceof Error && value.name === 'AbortError';
}
