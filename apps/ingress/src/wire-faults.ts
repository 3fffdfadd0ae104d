import type { Fault } from '@opensandbox/base';
import { formatRetryAfter } from '@opensandbox/http';

/** An answer of the gateway itself: plain text, as little as helps. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const PREFIX = 'OpenSandbox Ingress: ';

/** Where the status differs from what the kind of a Fault says. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  'internal.unexpected': 500,
  'sandbox.ambiguous': 502,
  'sandbox.not_ready': 503,
  'access.no_keys': 503,
  'gateway.closing': 503,
  'server.closing': 503,
};

/** The one table from faults to what clients of the gateway see. */
export function faultToAnswer(fault: Fault): PlainAnswer {
  const retry =
    fault.retryAfterMs === undefined ? {} : { 'Retry-After': formatRetryAfter(fault.retryAfterMs) };
  return plainAnswer(statusOf(fault), `${PREFIX}${textOf(fault)}\n`, retry);
}

export function plainAnswer(
  status: number,
  body: string,
  more: Readonly<Record<string, string>> = {},
): PlainAnswer {
  const headers = {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': String(Buffer.byteLength(body)),
    ...more,
  };
  return { status, headers, body };
}

function statusOf(fault: Fault): number {
  const special = STATUS_OF_CODE[fault.code];
  if (special !== undefined) return special;
  switch (fault.kind) {
    case 'invalid':
      return 400;
    case 'unauthenticated':
      return 401;
    case 'not_found':
      return 404;
    case 'exhausted':
      return 429;
    case 'timeout':
      return 504;
    case 'cancelled':
      return 499;
    default:
      // The gateway is a gateway: whatever fails behind it is a bad one.
      return 502;
  }
}

/** Nothing of what is behind the gateway: no address, no cause. */
function textOf(fault: Fault): string {
  if (fault.kind === 'internal') return 'the gateway could not handle the request';
  return fault.message;
}
