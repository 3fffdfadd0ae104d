import { carriedHeaders, contextOf } from '@opensandbox/telemetry';
import type { Span, Tracing } from '@opensandbox/telemetry';
import type { Instruments } from './instruments.ts';
import { knownMethod, recordAnswer } from './record-answer.ts';
import type { Answered, Followed } from './telemetry.ts';

/** What is behind a port belongs to an application: its paths are its own affair. */
const PROXIED = '/proxy/:port/*';
const FIRST_SERVER_ERROR = 500;

/** Measures a request, and continues the trace that its caller is in. */
export function follow(
  { headers, method }: Request,
  instruments: Instruments | undefined,
  tracing: Tracing,
): Followed {
  const startedAt = performance.now();
  const span = tracing.isOn ? beginSpan(headers, method, tracing) : undefined;
  return {
    headers: carriedHeaders(span),
    answered(answered) {
      if (instruments !== undefined) {
        void recordAnswer(instruments, answered, () => performance.now() - startedAt);
      }
      if (span !== undefined) void endSpan(span, answered);
    },
  };
}

function beginSpan(headers: Headers, method: string, tracing: Tracing): Span {
  const named = {
    traceparent: headers.get('traceparent') ?? undefined,
    tracestate: headers.get('tracestate') ?? undefined,
  };
  const attributes = { 'http.request.method': knownMethod(method) };
  return tracing.begin(knownMethod(method), { kind: 'server', parent: contextOf(named), attributes });
}

async function endSpan(span: Span, { method, route = PROXIED, status, outcome }: Answered): Promise<void> {
  span.rename(`${knownMethod(method)} ${route}`);
  span.set('http.route', route);
  span.set('http.response.status_code', status);
  const ended = await outcome;
  if (status >= FIRST_SERVER_ERROR) span.fail(String(status));
  else if (ended === 'failure') span.fail('failure');
  span.end();
}
