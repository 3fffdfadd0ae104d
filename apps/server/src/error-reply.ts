import type { FastifyReply } from 'fastify';
import { Fault, type Logger, toFault } from '@opensandbox/base';
import { formatRetryAfter } from '@opensandbox/http';
import { faultToResponse } from './wire-codes.ts';

/** What the framework throws about bodies it could not take, by its own codes. */
const FRAMEWORK_FAULTS: ReadonlyMap<string, () => Fault> = new Map([
  [
    'FST_ERR_CTP_BODY_TOO_LARGE',
    () => new Fault('invalid', 'request.too_large', 'The request body is too large for this route.'),
  ],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', unreadableBody],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', unreadableBody],
]);

/** Any thrown value as a Fault, the framework's errors included. */
export function requestFault(error: unknown): Fault {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    const known = FRAMEWORK_FAULTS.get(error.code);
    if (known !== undefined) return known();
  }
  return toFault(error);
}

export interface ErrorReplies {
  readonly runtimeName: string;
  readonly log: Logger;
  readonly telemetry?: { refused(publicCode: string): void } | undefined;
}

/** The public form of a Fault. */
export interface FaultAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The answer to a request that failed. What a person should see is logged with its cause. */
export function faultAnswer(error: unknown, context: ErrorReplies, requestId: string): FaultAnswer {
  const fault = requestFault(error);
  const { status, body } = faultToResponse(fault, context.runtimeName);
  context.telemetry?.refused(body.code);
  if (status >= 500 && fault.kind !== 'unsupported') {
    const level = fault.kind === 'internal' ? 'error' : 'warn';
    context.log[level]('http.request_failed', { requestId, status, error: fault });
  }
  const bytes = Buffer.from(JSON.stringify(body));
  const { retryAfterMs } = fault;
  const headers = {
    ...(retryAfterMs === undefined ? {} : { 'retry-after': formatRetryAfter(retryAfterMs) }),
    'content-type': 'application/json',
    'content-length': String(bytes.byteLength),
  };
  return { status, headers, body: bytes };
}

/** Answers with the public form of a Fault. */
export function sendFault(reply: FastifyReply, error: unknown, context: ErrorReplies): void {
  const { status, headers, body } = faultAnswer(error, context, reply.request.id);
  void reply.code(status).headers(headers).send(body);
}

/** Bytes, not text: the framework would add a charset to a text that is sent as JSON. */
export function sendJson(reply: FastifyReply, status: number, body: unknown): void {
  void reply
    .code(status)
    .header('content-type', 'application/json')
    .send(Buffer.from(JSON.stringify(body)));
}

function unreadableBody(): Fault {
  return new Fault('invalid', 'request.unreadable', 'There was an error parsing the body');
}
