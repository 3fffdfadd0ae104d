import type { Fault } from '@opensandbox/base';

/**
 * The sentence about a Fault that a client may read. The text of a defect is replaced, for nobody wrote it with
 * a client in mind.
 */
export function publicMessage(fault: Fault): string {
  return fault.code === 'internal.unexpected' ? 'An unexpected error occurred.' : fault.message;
}

const LONGEST_CHAIN = 5;

/** What a log line says about a Fault: its own fields and the chain of causes, without their data. */
export function faultFields(fault: Fault): Readonly<Record<string, unknown>> {
  const causes: string[] = [];
  let cause: unknown = fault.cause;
  while (cause instanceof Error && causes.length < LONGEST_CHAIN) {
    causes.push(causes.length === 0 ? (cause.stack ?? cause.message) : cause.message);
    cause = cause.cause;
  }
  return { kind: fault.kind, code: fault.code, error: fault.message, causes };
}
