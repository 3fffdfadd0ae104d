import { Fault } from '@opensandbox/base';
import { errorCode } from '@opensandbox/process';
import { agentFault } from '../error-envelope.ts';

/** Whether the operating system refused with one of these codes. */
export function failedWith(error: unknown, ...codes: readonly string[]): boolean {
  const code = errorCode(error);
  return code !== undefined && codes.includes(code);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What went wrong while a path was looked at: it is not there, or something is in the way. */
export function accessFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (failedWith(error, 'ENOENT')) {
    return agentFault('not_found', 'FILE_NOT_FOUND', `file not found. ${messageOf(error)}`, { cause: error });
  }
  return runtimeFault('error accessing file: ', error);
}

/** What went wrong while something was changed; `prefix` says what was tried. */
export function runtimeFault(prefix: string, error: unknown): Fault {
  if (error instanceof Fault) return error;
  return agentFault('internal', 'RUNTIME_ERROR', prefix + messageOf(error), { cause: error });
}
