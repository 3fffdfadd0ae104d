import type { TraceContext } from './trace-context.ts';

export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

export type SpanKind = 'server' | 'client' | 'internal';

export interface SpanOptions {
  readonly kind: SpanKind;
  /** What it is a part of; undefined begins a trace. */
  readonly parent: Span | TraceContext | undefined;
  readonly attributes?: Attributes;
}

/** A piece of work in a trace. Names and attributes are public: never a query, a header's value or a proxied path. */
export interface Span {
  /** False: nobody will see it, and what the caller sent is passed on as it came. */
  readonly isRecorded: boolean;
  /** Where this span is in its trace; undefined when there is no trace. */
  readonly context: TraceContext | undefined;
  rename(name: string): void;
  set(name: string, value: AttributeValue): void;
  /** It failed; `code` says how. */
  fail(code: string): void;
  end(): void;
}

/** Tells a collector what the program does. */
export interface Tracing {
  readonly isOn: boolean;
  begin(name: string, options: SpanOptions): Span;
  /** Runs `task` so that `current()` is this span in it and in everything it starts. */
  within<T>(span: Span, task: () => T): T;
  current(): Span | undefined;
  /** Sends what is left. Resolves at the latest when `signal` aborts; never rejects. */
  close(signal: AbortSignal): Promise<void>;
}

const NO_SPAN: Span = {
  isRecorded: false,
  context: undefined,
  rename: () => undefined,
  set: () => undefined,
  fail: () => undefined,
  end: () => undefined,
};

/** Costs nothing: what hot paths hold when nobody collects. */
export const noTracing: Tracing = {
  isOn: false,
  begin: () => NO_SPAN,
  within: (_span, task) => task(),
  current: () => undefined,
  close: () => Promise.resolve(),
};
