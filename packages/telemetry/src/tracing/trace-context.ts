/** A place in a trace, as it travels between programs (W3C Trace Context). */
export interface TraceContext {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits, not all zero. */
  readonly spanId: string;
  readonly flags: number;
  /** What vendors added, passed on as it is. */
  readonly state: string | undefined;
}

export const TRACEPARENT = 'traceparent';
export const TRACESTATE = 'tracestate';
export const SAMPLED = 1;

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** What every receiver must be able to pass on. */
const LONGEST_STATE = 512;

/** Undefined when the header is absent or not sound: then a trace begins here. */
export function parseTraceContext(
  parent: string | undefined,
  state: string | undefined,
): TraceContext | undefined {
  const match = FORM.exec(parent?.trim() ?? '');
  if (match === null) return undefined;
  const [, version = '', traceId = '', spanId = '', flags = '', rest] = match;
  // The first version has exactly four fields; later ones may have more.
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const kept = state !== undefined && state !== '' && state.length <= LONGEST_STATE ? state : undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & SAMPLED, state: kept };
}

export function formatTraceParent({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
}
