import { AsyncLocalStorage } from 'node:async_hooks';
import { ROOT_CONTEXT, SpanKind as SdkKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Context, Span as SdkSpan, Tracer } from '@opentelemetry/api';
import { TraceState } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { Sampler, SpanExporter } from '@opentelemetry/sdk-trace-base';
import { abortable } from '@opensandbox/base';
import type { TracingDeps } from './tracing-deps.ts';
import type { TraceContext } from './trace-context.ts';
import type { SamplerChoice, TraceSettings } from './trace-settings.ts';
import type { Span, SpanKind, SpanOptions, Tracing } from './tracing.ts';
import { watchExports } from './watch-exports.ts';

const MOST_WAITING = 2048;
const BATCH = 512;

const KINDS: Readonly<Record<SpanKind, SdkKind>> = {
  server: SdkKind.SERVER,
  client: SdkKind.CLIENT,
  internal: SdkKind.INTERNAL,
};

/** Compression and certificates the exporter reads from the environment by itself. */
export async function createSdkTracing(settings: TraceSettings, deps: TracingDeps): Promise<Tracing> {
  const exporter = watchExports(await openExporter(settings), deps.log);
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({
      ...deps.attributes,
      ...settings.resource,
      'service.name': settings.serviceName ?? deps.service,
      'service.version': deps.version,
    }),
    sampler: createSampler(settings.sampler),
    spanProcessors: [
      new BatchSpanProcessor(exporter, {
        maxQueueSize: MOST_WAITING,
        maxExportBatchSize: BATCH,
        scheduledDelayMillis: settings.delayMs,
        exportTimeoutMillis: settings.timeoutMs,
      }),
    ],
  });
  const tracer = provider.getTracer('opensandbox', deps.version);
  const store = new AsyncLocalStorage<Span>();
  return {
    isOn: true,
    begin: (name, options) => beginSpan(tracer, name, options),
    within: (span, task) => store.run(span, task),
    current: () => store.getStore(),
    async close(signal) {
      // A collector that does not answer must not keep the program from ending.
      await abortable(provider.shutdown(), signal).catch(() => undefined);
    },
  };
}

async function openExporter({ url, headers, timeoutMs, isJson }: TraceSettings): Promise<SpanExporter> {
  const settings = { url, headers: { ...headers }, timeoutMillis: timeoutMs };
  if (isJson) {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
    return new OTLPTraceExporter(settings);
  }
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter(settings);
}

function createSampler({ kind, ratio, followsParent }: SamplerChoice): Sampler {
  const root =
    kind === 'on'
      ? new AlwaysOnSampler()
      : kind === 'off'
        ? new AlwaysOffSampler()
        : new TraceIdRatioBasedSampler(ratio);
  return followsParent ? new ParentBasedSampler({ root }) : root;
}

function beginSpan(tracer: Tracer, name: string, { kind, parent, attributes }: SpanOptions): Span {
  const context =
    'isRecorded' in (parent ?? {}) ? (parent as Span).context : (parent as TraceContext | undefined);
  const span = tracer.startSpan(
    name,
    { kind: KINDS[kind], ...(attributes === undefined ? {} : { attributes: { ...attributes } }) },
    context === undefined ? ROOT_CONTEXT : sdkContext(context),
  );
  return toSpan(span);
}

function sdkContext({ traceId, spanId, flags, state }: TraceContext): Context {
  const traceState = state === undefined ? {} : { traceState: new TraceState(state) };
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: flags,
    isRemote: true,
    ...traceState,
  });
}

function toSpan(span: SdkSpan): Span {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const state = traceState?.serialize();
  return {
    isRecorded: span.isRecording(),
    context: { traceId, spanId, flags: traceFlags, state: state === '' ? undefined : state },
    rename: (name) => void span.updateName(name),
    set: (name, value) => void span.setAttribute(name, value),
    fail(code) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute('error.type', code);
    },
    end: () => span.end(),
  };
}
