import { describe, expect, it } from 'vitest';
import { carriedHeaders, contextOf } from './carry.ts';
import { formatTraceParent, parseTraceContext } from './trace-context.ts';
import { noTracing } from './tracing.ts';
import type { Span } from './tracing.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('parseTraceContext', () => {
  it.each([
    ['sampled', `00-${TRACE}-${SPAN}-01`, 1],
    ['not sampled', `00-${TRACE}-${SPAN}-00`, 0],
    ['with flags of a later version', `00-${TRACE}-${SPAN}-03`, 1],
    ['of a later version, with more fields', `cc-${TRACE}-${SPAN}-01-what-will-be`, 1],
  ])('reads a header that is %s', (_name, header, flags) => {
    expect(parseTraceContext(header, undefined)).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      flags,
      state: undefined,
    });
  });

  it.each([
    ['nothing', undefined],
    ['empty', ''],
    ['of the forbidden version', `ff-${TRACE}-${SPAN}-01`],
    ['of the first version, with more fields', `00-${TRACE}-${SPAN}-01-more`],
    ['in upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['without a trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['without a span', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['too short', `00-${TRACE}-${SPAN}`],
    ['followed by another', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
  ])('takes %s for no context', (_name, header) => {
    expect(parseTraceContext(header, 'a=1')).toBeUndefined();
  });

  it('keeps the state of others unless it is longer than it may be', () => {
    const header = `00-${TRACE}-${SPAN}-01`;
    expect(parseTraceContext(header, 'a=1,b=2')?.state).toBe('a=1,b=2');
    expect(parseTraceContext(header, 'a'.repeat(600))?.state).toBeUndefined();
  });

  it('is written as it was read', () => {
    const header = `00-${TRACE}-${SPAN}-01`;
    const context = parseTraceContext(header, undefined);
    expect(context && formatTraceParent(context)).toBe(header);
  });
});

describe('headers of a request', () => {
  it('say where it belongs, several of a state put together', () => {
    const headers = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: ['a=1', 'b=2'] };
    expect(contextOf(headers)).toEqual({ traceId: TRACE, spanId: SPAN, flags: 1, state: 'a=1,b=2' });
    expect(contextOf({ traceparent: [`00-${TRACE}-${SPAN}-01`] })).toBeUndefined();
  });

  it('are replaced by those of a span that is recorded, and by none else', () => {
    const context = { traceId: TRACE, spanId: SPAN, flags: 1, state: 'a=1' };
    const span: Span = { ...noTracing.begin('x', { kind: 'server', parent: undefined }), context };
    expect(carriedHeaders(span)).toEqual([]);
    expect(carriedHeaders({ ...span, isRecorded: true })).toEqual([
      'traceparent',
      `00-${TRACE}-${SPAN}-01`,
      'tracestate',
      'a=1',
    ]);
  });
});
