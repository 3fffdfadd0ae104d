import { Fault } from '@opensandbox/base';
import type { ServerAnswer } from './server-answer.ts';

const NOT_READY_RETRY_MS = 1_000;

/** Nothing is to be expected of these any more. */
const ENDED: ReadonlySet<string> = new Set(['failed', 'terminated']);

export function sandboxNotFound(id: string): Fault {
  return new Fault('not_found', 'sandbox.not_found', `sandbox not found: ${printable(id)}`);
}

export function sandboxNotReady(id: string, state: string): Fault {
  const retry = ENDED.has(state.toLowerCase()) ? {} : { retryAfterMs: NOT_READY_RETRY_MS };
  return new Fault(
    'unavailable',
    'sandbox.not_ready',
    `sandbox not ready: ${printable(id)} (${state})`,
    retry,
  );
}

export function unexpectedAnswer(what: string): Fault {
  return new Fault('internal', 'source.unexpected', `The OpenSandbox server cannot be used: ${what}.`);
}

/** What an answer other than 200 says about a sandbox. */
export function faultOfAnswer(id: string, { status, body }: ServerAnswer): Fault {
  const code = textField(body, 'code') ?? '';
  if (status === 404) {
    return code.endsWith('POD_IP_NOT_AVAILABLE') ? sandboxNotReady(id, 'Pending') : sandboxNotFound(id);
  }
  if (status === 409) return sandboxNotReady(id, 'not running');
  if (status === 503 || status === 504) {
    return new Fault('unavailable', 'source.away', 'the OpenSandbox server is not available');
  }
  if (status === 401 || status === 403) return unexpectedAnswer('it refuses the API key');
  return unexpectedAnswer(`it answers ${status}${code === '' ? '' : ` ${code}`}`);
}

/** A member of a JSON object that is text and not empty. */
export function textField(body: unknown, name: string): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const value: unknown = (body as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const LONGEST_ID = 128;

function printable(id: string): string {
  return id.slice(0, LONGEST_ID).replace(/[^\x20-\x7e]/g, '?');
}
