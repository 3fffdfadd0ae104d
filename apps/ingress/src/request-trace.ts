import type { IncomingMessage } from 'node:http';
import { carriedHeaders, contextOf } from '@opensandbox/telemetry';
import type { Tracing } from '@opensandbox/telemetry';

/** What a request through the gateway adds to the trace that it is part of. */
export interface RequestTrace {
  /** Headers that replace what the client sent about its trace; none when nobody records it. */
  readonly headers: readonly string[];
  ended(status: number, code: string | undefined): void;
}

const UNTRACED: RequestTrace = { headers: [], ended: () => undefined };
/** Any token is a method to HTTP, and each would be a name of its own. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const FIRST_SERVER_ERROR = 500;

/** The span has no path, host or sandbox: paths carry signatures, and the rest belongs to the service inside. */
export function beginTrace(tracing: Tracing | undefined, request: IncomingMessage): RequestTrace {
  if (tracing?.isOn !== true) return UNTRACED;
  const method = METHODS.has(request.method ?? '') ? (request.method ?? '') : '_OTHER';
  const span = tracing.begin(`${method} gateway`, {
    kind: 'server',
    parent: contextOf(request.headers),
    attributes: { 'http.request.method': method },
  });
  return {
    headers: carriedHeaders(span),
    ended(status, code) {
      span.set('http.response.status_code', status);
      if (code !== undefined && status >= FIRST_SERVER_ERROR) span.fail(code);
      else if (code !== undefined) span.set('error.type', code);
      span.end();
    },
  };
}
