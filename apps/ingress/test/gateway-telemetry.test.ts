import { openTracing } from '@opensandbox/telemetry';
import type { Tracing } from '@opensandbox/telemetry';
import { captureLog, openOtlpCollector, parseExposition } from '@opensandbox/testkit';
import type { OtlpCollector } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask } from './support/raw-client.ts';
import { Service } from './support/service.ts';
import { TestGateway } from './support/test-gateway.ts';

const SOON = { timeout: 20_000 };
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

describe('the gateway', () => {
  let collector: OtlpCollector;
  let service: Service;
  let tracing: Tracing;
  let gateway: TestGateway;

  beforeEach(async () => {
    collector = await openOtlpCollector();
    service = await Service.open();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '20',
    };
    tracing = await openTracing({ service: 'opensandbox-ingress', version: '1', env, log: captureLog() });
    gateway = await TestGateway.open({ sandboxes: { ok: {} }, tracing });
  });

  afterEach(async () => {
    await gateway[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
    await tracing.close(new AbortController().signal);
    await collector[Symbol.asyncDispose]();
  });

  it('continues the trace of the client, and the service continues its own', async () => {
    const lines = [`Host: ok-${service.port}.secret-host`, `TraceParent: ${TRACEPARENT}`, 'tracestate: a=1'];
    await ask(gateway.port, 'GET /secret-path?token=secret HTTP/1.1', ...lines);
    await expect.poll(() => collector.spans(), SOON).toHaveLength(1);
    const [span] = collector.spans();
    expect(span).toMatchObject({
      service: 'opensandbox-ingress',
      name: 'GET gateway',
      traceId: TRACE,
      parentSpanId: '00f067aa0ba902b7',
      attributes: { 'http.request.method': 'GET', 'http.response.status_code': 200 },
    });
    expect(service.values('traceparent')).toEqual([`00-${TRACE}-${span?.spanId}-01`]);
    expect(service.values('tracestate')).toEqual(['a=1']);
    expect(collector.requests.map(({ body }) => body.toString()).join()).not.toContain('secret');
  });

  it('says by its own code what it refused', async () => {
    await ask(gateway.port, 'GET / HTTP/1.1', 'Host: missing-80.x');
    await expect.poll(() => collector.spans(), SOON).toHaveLength(1);
    expect(collector.spans()[0]).toMatchObject({
      isError: false,
      attributes: { 'http.response.status_code': 404, 'error.type': 'sandbox.not_found' },
    });
  });

  it('has metrics that Prometheus can read', async () => {
    await ask(gateway.port, 'GET / HTTP/1.1', `Host: ok-${service.port}.x`);
    const samples = async (name: string) =>
      parseExposition(await gateway.meter.exposition()).get(`opensandbox_ingress_${name}`)?.samples;
    await expect
      .poll(() => samples('seconds'), SOON)
      .toContainEqual({ name: 'opensandbox_ingress_seconds_count', labels: { kind: 'http' }, value: 1 });
    await expect
      .poll(() => samples('first_byte_seconds'), SOON)
      .toContainEqual({ name: 'opensandbox_ingress_first_byte_seconds_count', labels: {}, value: 1 });
    expect(await samples('directory_sandboxes')).toEqual([
      { name: 'opensandbox_ingress_directory_sandboxes', labels: {}, value: 1 },
    ]);
  });
});
