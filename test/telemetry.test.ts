import { openOtlpCollector, parseExposition } from '@opensandbox/testkit';
import type { CollectedSpan, OtlpCollector } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, removeAll } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const TRACEPARENT = { traceparent: `00-${TRACE}-${CALLER}-01` };
const PATIENCE_MS = 60_000;
/** A service on the sandbox's own loopback that answers with the trace it was called in. */
const SERVICE = `
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (self.headers.get('traceparent') or 'none').encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(('127.0.0.1', 3000), Handler).serve_forever()
`;

describe('a request through the server to a service in a sandbox', () => {
  let collector: OtlpCollector;
  let server: ServerProcess;
  let id: string;

  beforeAll(async () => {
    // Sandboxes reach this machine at the gateway of their network, and nobody else does.
    const gateway = await docker('network', 'inspect', 'bridge', '-f', '{{(index .IPAM.Config 0).Gateway}}');
    collector = await openOtlpCollector(gateway);
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    };
    server = await openServer({ env });
    await server.start();
    const body = {
      image: { uri: 'opensandbox-demo:latest' },
      entrypoint: ['python3', '-c', SERVICE],
      resourceLimits: {},
      timeout: 600,
      env: { ...env, SECRET: 'hush' },
    };
    const created = await server.call('POST', '/v1/sandboxes', body, { ...TRACEPARENT, Prefer: 'wait=60' });
    expect([created.status, created.json.status.state]).toEqual([202, 'Running']);
    ({ id } = created.json);
  });

  afterAll(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
    await collector[Symbol.asyncDispose]();
  });

  const inTrace = (): readonly CollectedSpan[] => collector.spans().filter((span) => span.traceId === TRACE);
  const find = (service: string, name: string): CollectedSpan | undefined =>
    inTrace().find((span) => span.service === service && span.name === name);
  /** The server sends its spans when it has some, and not when the agent does. */
  const spanOf = (id: string | undefined): Promise<CollectedSpan> =>
    until('the span is sent', PATIENCE_MS, async () => inTrace().find(({ spanId }) => spanId === id));
  const proxied = (path: string) =>
    server.call('GET', `/v1/sandboxes/${id}/proxy/3000${path}`, undefined, TRACEPARENT);

  it('is one trace over the server, its proxy and the agent, which the service continues', async () => {
    // The agent loads what it traces with after it has begun to listen.
    const answer = await until('the agent traces', PATIENCE_MS, async () => {
      const { status, text } = await proxied('/hidden?key=hush');
      if (status !== 200) return undefined;
      const spanId = text.split('-')[2];
      return until('its span is sent', 5000, async () =>
        inTrace().find((span) => span.service === 'opensandbox-execd' && span.spanId === spanId),
      ).catch(() => undefined);
    });
    expect(answer.name).toBe('GET /proxy/:port/*');
    const proxy = await spanOf(answer.parentSpanId);
    expect(proxy).toMatchObject({
      service: 'opensandbox-server',
      name: 'proxy',
      attributes: { 'opensandbox.proxy.way': 'agent' },
    });
    expect(await spanOf(proxy.parentSpanId)).toMatchObject({
      name: 'GET /v1/sandboxes/:id/proxy/:port/*',
      parentSpanId: CALLER,
      kind: 2,
    });
  });

  it('was preceded by its creation, stage by stage', async () => {
    const root = await until('the creation is sent', PATIENCE_MS, async () =>
      find('opensandbox-server', 'POST /v1/sandboxes'),
    );
    for (const stage of ['admit', 'image', 'create', 'start', 'agent']) {
      const span = await until(`${stage} is sent`, PATIENCE_MS, async () =>
        find('opensandbox-server', `sandbox.create ${stage}`),
      );
      expect([stage, span.parentSpanId]).toEqual([stage, root.spanId]);
    }
  });

  it('tells collectors no secret', async () => {
    await proxied('/hidden?key=hush');
    const sent = collector.requests.map(({ body }) => body.toString());
    for (const secret of ['hush', 'hidden', server.apiKey]) {
      expect(sent.filter((body) => body.includes(secret))).toEqual([]);
    }
  });

  it('is counted, and so is how late the news of the engine are', async () => {
    const { status, text } = await server.call('GET', '/metrics');
    expect(status).toBe(200);
    expect(text).not.toContain(id);
    const metrics = parseExposition(text);
    const value = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
      [...metrics.values()]
        .flatMap(({ samples }) => samples)
        .filter((sample) => sample.name === `opensandbox_${name}`)
        .find((sample) => Object.entries(labels).every(([key, wanted]) => sample.labels[key] === wanted))
        ?.value ?? NaN;
    expect(value('proxy_requests_total', { way: 'agent', status: '2xx' })).toBeGreaterThan(0);
    expect(value('proxy_bytes_total', { direction: 'down' })).toBeGreaterThan(50);
    expect(value('sandbox_create_stage_seconds_sum', { stage: 'start' })).toBeGreaterThan(0);
    expect(value('sandbox_create_stage_seconds_sum', { stage: 'agent' })).toBeGreaterThan(0);
    expect(value('engine_event_lag_seconds_count')).toBeGreaterThan(0);
    expect(value('engine_operation_seconds_count', { operation: 'create', outcome: 'success' })).toBe(1);
  });
});
