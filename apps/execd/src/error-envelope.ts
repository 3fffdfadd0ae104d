import { Fault, toFault } from '@opensandbox/base';
import type { FaultKind, FaultOptions } from '@opensandbox/base';
import { FAULT_STATUS, publicMessage } from '@opensandbox/http';

/** Every code a client of the agent can read in an error body. */
export type ErrorCode =
  | 'INVALID_REQUEST_BODY'
  | 'MISSING_QUERY'
  | 'RUNTIME_ERROR'
  | 'FILE_NOT_FOUND'
  | 'CONTEXT_NOT_FOUND'
  | 'INVALID_FILE'
  | 'INVALID_FILE_METADATA'
  | 'INVALID_FILE_CONTENT'
  | 'NOT_SUPPORTED'
  | 'UNKNOWN'
  | 'ALREADY_CONNECTED'
  | 'UNAUTHORIZED'
  | 'SERVICE_UNAVAILABLE'
  | 'SESSION_NOT_FOUND';

/** A Fault whose `code` is the public code: the kind gives the status, the code goes to the client as it is. */
export function agentFault(
  kind: FaultKind,
  code: ErrorCode,
  message: string,
  options: FaultOptions = {},
): Fault {
  return new Fault(kind, code, message, options);
}

/**
 * `{code, message}` with both keys present and a Content-Length: generated clients read both keys of every
 * error, and take an error with an empty body for a success.
 */
export function errorResponse(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return jsonText(JSON.stringify({ code, message }), status, headers);
}

/** Codes of this agent are upper case; a Fault from a library below has a dotted code that no client knows. */
const CODE = /^[A-Z][A-Z_]*$/;

export function faultResponse(error: unknown): Response {
  const fault = toFault(error, 'RUNTIME_ERROR');
  const code = CODE.test(fault.code) ? fault.code : 'RUNTIME_ERROR';
  const message = error instanceof Fault ? publicMessage(fault) : 'An unexpected error occurred.';
  return errorResponse(FAULT_STATUS[fault.kind], code, message);
}

/** Success without a body. The explicit length is what keeps clients from parsing the nothing as JSON. */
export function emptyResponse(): Response {
  return new Response(null, { status: 200, headers: { 'Content-Length': '0' } });
}

export function jsonResponse(value: unknown, status = 200): Response {
  return jsonText(JSON.stringify(value), status, {});
}

export function jsonText(
  text: string,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return jsonBytes(new TextEncoder().encode(text), status, headers);
}

/** JSON that is encoded already. */
export function jsonBytes(
  bytes: Uint8Array,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(bytes, {
    status,
    headers: {
      ...headers,
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': String(bytes.byteLength),
    },
  });
}
