import { formatTraceParent, parseTraceContext, TRACEPARENT, TRACESTATE } from './trace-context.ts';
import type { TraceContext } from './trace-context.ts';
import type { Span } from './tracing.ts';

type HeaderValue = string | readonly string[] | undefined;

/** Where a request belongs, by the headers that it came with (lower-case names). */
export function contextOf(headers: Readonly<Record<string, HeaderValue>>): TraceContext | undefined {
  const parent = headers[TRACEPARENT];
  if (typeof parent !== 'string') return undefined;
  const state = headers[TRACESTATE];
  return parseTraceContext(parent, typeof state === 'string' ? state : state?.join(','));
}

/**
 * Header list for the next program, in place of those that came. Empty when the span is not recorded: then the
 * caller's own headers go on unchanged.
 */
export function carriedHeaders(span: Span | undefined): readonly string[] {
  if (span?.isRecorded !== true || span.context === undefined) return [];
  const { context } = span;
  const headers = [TRACEPARENT, formatTraceParent(context)];
  return context.state === undefined ? headers : [...headers, TRACESTATE, context.state];
}
