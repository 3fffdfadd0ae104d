import { basename } from 'node:path';
import type { FaultCode } from '@opensandbox/core/ports';
import type { FaultKind } from '@opensandbox/base';
import { cancelled, Fault, isFault } from '@opensandbox/base';
import type { Connection } from './engine/connection.ts';
import { adviseOnLink } from './engine/link-advice.ts';
import { isSshFailure } from './engine/ssh-connection.ts';

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

/** Calls that concern files of this machine: no connection makes them. */
const FILE_CALLS = new Set(['open', 'stat', 'lstat', 'scandir', 'readlink']);

/** Podman says 500 where Docker says 409, and names the reason apart from the message. */
const KIND_OF_CAUSE: Readonly<Record<string, FaultKind>> = {
  'that name is already in use': 'conflict',
  'container state improper': 'conflict',
};

/** An answer with an error status. The text is the engine's own. */
export function readEngineFailure(status: number, body: unknown): Fault {
  const kind = KIND_OF_STATUS[status] ?? KIND_OF_CAUSE[readCause(body) ?? ''] ?? 'internal';
  return new Fault(kind, 'engine.failed' satisfies FaultCode, readMessage(body) ?? `HTTP status ${status}`);
}

/** Something answers, and it is no engine: another service's port, or a proxy's own page. */
export function notAnEngine(): Fault {
  const message = 'What answers there is no Docker engine. Check the address.';
  return new Fault('unavailable', 'engine.unavailable' satisfies FaultCode, message);
}

/** A request that got no answer, or an answer that broke off. */
export function readConnectionFailure(error: unknown, signal: AbortSignal): Fault {
  if (error instanceof Fault) return error;
  if (signal.aborted) return cancelled(signal);
  const code = codeOf(error);
  if (error instanceof Error && 'syscall' in error && FILE_CALLS.has(String(error.syscall))) {
    return unreadableAgent(error);
  }
  const why = AWAY.has(code) ? ` (${code})` : '';
  const usual = `The Docker engine does not answer${why}. Check that it runs and that this server may use its socket.`;
  return new Fault('unavailable', 'engine.unavailable' satisfies FaultCode, adviseOnLink(error) ?? usual, {
    cause: error,
  });
}

/**
 * A first call that failed, for the person who starts the server: names the engine that was asked, and what ssh said.
 * Clients must not read either.
 */
export function tellWhere(error: unknown, connection: Pick<Connection, 'name' | 'protocol'>): unknown {
  if (!isFault(error) || error.kind === 'cancelled') return error;
  const said = isSshFailure(error.cause) && error.cause.said !== '' ? ` ssh said: ${error.cause.said}` : '';
  const isHungUp = connection.protocol === 'https' && codeOf(error.cause) === 'ECONNRESET';
  const isRefused = connection.protocol === 'http' && error.code === ('engine.failed' satisfies FaultCode);
  const hint = isHungUp
    ? " An engine that hangs up on TLS usually does not accept this server's certificate."
    : isRefused
      ? ' Should it expect TLS, set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH.'
      : '';
  const { kind, code, cause } = error;
  return new Fault(kind, code, `${error.message} (${connection.name})${said}${hint}`, { cause });
}

/** What should be sent could not be read. The only files that go to the engine are the agent's own. */
export function unreadableAgent(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const path = error instanceof Error && 'path' in error ? basename(String(error.path)) : undefined;
  const which = path === undefined ? 'The files' : `The file ${path}`;
  const why = codeOf(error) === '' ? '' : ` (${codeOf(error)})`;
  return new Fault(
    'internal',
    'agent.distribution_failed' satisfies FaultCode,
    `${which} of the built-in agent cannot be read${why}. Build it with "npm run build" or install the server ` +
      'again, then restart the server; or set runtime.execd_image.',
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

/** The one of several paths that the engine's refusal names; `undefined` when it names none of them, or more. */
export function refusedPath(error: unknown, paths: readonly string[]): string | undefined {
  if (!isFault(error)) throw error;
  if (error.kind !== 'invalid' && error.kind !== 'not_found' && error.kind !== 'internal') throw error;
  const found = paths.filter((path) => error.message.includes(path));
  return found.length === 1 ? found[0] : undefined;
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

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function readCause(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('cause' in body)) return undefined;
  return typeof body.cause === 'string' ? body.cause : undefined;
}

function readMessage(body: unknown): string | undefined {
  if (typeof body === 'string' && body.trim() !== '') return body.trim();
  if (typeof body !== 'object' || body === null) return undefined;
  const text = 'message' in body ? body.message : 'cause' in body ? body.cause : undefined;
  return typeof text === 'string' && text !== '' ? text : undefined;
}
