import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as a collector gets it. */
export interface CollectedSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly kind: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface CollectedRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** What OTLP over HTTP is sent to. */
export interface OtlpCollector extends AsyncDisposable {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  readonly requests: readonly CollectedRequest[];
  /** All spans that came as JSON, in the order they came. */
  spans(): readonly CollectedSpan[];
  /** From now on every export is answered with this status. */
  answer(status: number): void;
}

interface JsonAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface JsonTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly JsonAttribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly name: string;
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly kind: number;
        readonly status: { readonly code?: number };
        readonly attributes: readonly JsonAttribute[];
      }[];
    }[];
  }[];
}

const STATUS_ERROR = 2;

export async function openOtlpCollector(host = '127.0.0.1'): Promise<OtlpCollector> {
  const requests: CollectedRequest[] = [];
  let status = 200;
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { url = '', headers } = request;
      requests.push({ path: url, headers, body: Buffer.concat(pieces) });
      const type = headers['content-type'] ?? 'application/json';
      response.writeHead(status, { 'Content-Type': type }).end(type.includes('json') ? '{}' : undefined);
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://${host}:${port}`,
    requests,
    spans: () => requests.flatMap(readSpans),
    answer: (next) => void (status = next),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function readSpans({ path, headers, body }: CollectedRequest): readonly CollectedSpan[] {
  if (!path.endsWith('/v1/traces') || headers['content-type'] !== 'application/json') return [];
  const { resourceSpans } = JSON.parse(body.toString()) as JsonTraces;
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(plain(resource.attributes)['service.name']);
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service,
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId === '' ? undefined : span.parentSpanId,
        kind: span.kind,
        isError: span.status.code === STATUS_ERROR,
        attributes: plain(span.attributes),
      })),
    );
  });
}

function plain(attributes: readonly JsonAttribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
