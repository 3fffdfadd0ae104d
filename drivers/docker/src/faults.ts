import type { FaultCode } from '@opensandbox/core/ports';
import type { FaultKind } from '@opensandbox/base';
import { cancelled, Fault, isFault } from '@opensandbox/base';

/*
 * The only file that knows how the engine says no. Everything else sees Faults: `not_found` and `conflict`
 * are what code may branch on, and `named` gives a failure the code of the verb that met it.
 */

const KIND_OF_STATUS: Readonly<Record<number, FaultKind>> = {
  400: 'invalid',
  401: 'forbidden',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  501: 'unsupported',
  503: 'unavailable',
};

/** Errors of the socket that mean "the engine is away", by their errno. */
const AWAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOENT',
  'EACCES',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
]);

/** An answer with an error status. The text is the engine's own. */
export function readEngineFailure(status: number, body: unknown): Fault {
  const kind = KIND_OF_STATUS[status] ?? 'internal';
  return new Fault(kind, 'engine.failed' satisfies FaultCode, readMessage(body) ?? `HTTP status ${status}`);
}

/** A request that got no answer, or an answer that broke off. */
export function readConnectionFailure(error: unknown, signal: AbortSignal): Fault {
  if (error instanceof Fault) return error;
  if (signal.aborted) return cancelled(signal);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const why = AWAY.has(code) ? ` (${code})` : '';
  return new Fault(
    'unavailable',
    'engine.unavailable' satisfies FaultCode,
    `The Docker engine does not answer${why}. Check that it runs and that this server may use its socket.`,
    { cause: error },
  );
}

/** The link to the engine ended while it was still wanted. */
export function linkLost(cause: unknown): Fault {
  return new Fault(
    'unavailable',
    'engine.unavailable' satisfies FaultCode,
    'The link to the Docker engine was lost.',
    {
      cause,
    },
  );
}

export function engineTimeout(what: string, ms: number): Fault {
  return new Fault(
    'timeout',
    'engine.timeout' satisfies FaultCode,
    `The Docker engine did not answer ${what} within ${Math.round(ms / 1000)} s.`,
  );
}

export function sandboxMissing(id: string): Fault {
  return new Fault('not_found', 'sandbox.not_found' satisfies FaultCode, `Sandbox ${id} not found.`);
}

/** `work`, with an engine's refusal told as `code` and `prefix`. Absence of the engine keeps its own code. */
export async function named<T>(code: FaultCode, prefix: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isFault(error) || error.code !== ('engine.failed' satisfies FaultCode)) throw error;
    throw new Fault('internal', code, `${prefix}: ${error.message}`, { cause: error });
  }
}

/** `work`, or `undefined` when what it asks for is not there. */
export async function orAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isFault(error, 'not_found')) return undefined;
    throw error;
  }
}

/** `work`, where "not there" and "somebody else is at it" are as good as done. */
export async function orAlready(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isFault(error, 'not_found') && !isFault(error, 'conflict')) throw error;
  }
}

function readMessage(body: unknown): string | undefined {
  if (typeof body === 'string' && body.trim() !== '') return body.trim();
  if (typeof body !== 'object' || body === null) return undefined;
  const text = 'message' in body ? body.message : 'cause' in body ? body.cause : undefined;
  return typeof text === 'string' && text !== '' ? text : undefined;
}
