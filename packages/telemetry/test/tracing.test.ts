import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { deadline, Fault, systemClock } from '@opensandbox/base';
import { captureLog, openOtlpCollector } from '@opensandbox/testkit';
import type { OtlpCollector } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTracing } from '../src/index.ts';
import type { Tracing } from '../src/index.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const CALLER = { traceId: TRACE, spanId: SPAN, flags: 1, state: 'vendor=1' };
const NEVER = new AbortController().signal;
const JSON_PROTOCOL = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_BSP_SCHEDULE_DELAY: '20' };

let collector: OtlpCollector;
beforeEach(async () => {
  collector = await openOtlpCollector();
});
afterEach(() => collector[Symbol.asyncDispose]());

function open(env: Readonly<Record<string, string>>, log = captureLog()): Promise<Tracing> {
  return openTracing({ service: 'tested', version: '1.2.3', env: { ...JSON_PROTOCOL, ...env }, log });
}

const named = (): Readonly<Record<string, string>> => ({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });

describe('openTracing', () => {
  it('sends spans that continue the trace of the caller', async () => {
    const tracing = await open({ ...named(), OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=t1' });
    const server = tracing.begin('GET', { kind: 'server', parent: CALLER, attributes: { 'a.b': 'c' } });
    const child = tracing.within(server, () =>
      tracing.begin('work', { kind: 'internal', parent: tracing.current() }),
    );
    child.fail('sandbox.start_failed');
    child.end();
    server.rename('GET /x/:id');
    server.set('http.response.status_code', 200);
    server.end();
    await tracing.close(NEVER);
    const [work, root] = collector.spans();
    expect(root).toMatchObject({
      service: 'tested',
      name: 'GET /x/:id',
      traceId: TRACE,
      parentSpanId: SPAN,
      kind: 2,
      isError: false,
      attributes: { 'a.b': 'c', 'http.response.status_code': 200 },
    });
    expect(work).toMatchObject({
      name: 'work',
      traceId: TRACE,
      parentSpanId: root?.spanId,
      isError: true,
      attributes: { 'error.type': 'sandbox.start_failed' },
    });
    expect(server.context).toEqual({ ...CALLER, spanId: root?.spanId });
    expect(collector.requests[0]?.headers['x-tenant']).toBe('t1');
  });

  it('sends protobuf unless asked otherwise, and the name that the environment gives', async () => {
    const tracing = await open({
      ...named(),
      OTEL_EXPORTER_OTLP_PROTOCOL: '',
      OTEL_SERVICE_NAME: 'renamed-service',
    });
    tracing.begin('span-name', { kind: 'internal', parent: undefined }).end();
    await tracing.close(NEVER);
    const [sent] = collector.requests;
    expect(sent?.headers['content-type']).toBe('application/x-protobuf');
    expect(sent?.body.includes('renamed-service') && sent.body.includes('span-name')).toBe(true);
  });

  it('records nothing of what the caller or the sampler left out', async () => {
    const tracing = await open(named());
    expect(tracing.begin('x', { kind: 'server', parent: { ...CALLER, flags: 0 } }).isRecorded).toBe(false);
    await tracing.close(NEVER);
    const off = await open({ ...named(), OTEL_TRACES_SAMPLER: 'always_off' });
    const span = off.begin('x', { kind: 'server', parent: CALLER });
    expect(span.isRecorded).toBe(false);
    span.end();
    await off.close(NEVER);
    expect(collector.requests).toEqual([]);
  });

  it('says once that the collector refuses, and once that it works again', async () => {
    const log = captureLog();
    const tracing = await open(named(), log);
    const send = async (): Promise<void> => {
      const before = collector.requests.length;
      tracing.begin('x', { kind: 'internal', parent: undefined }).end();
      await expect.poll(() => collector.requests.length, { timeout: 20_000 }).toBeGreaterThan(before);
    };
    const events = (): readonly string[] =>
      log.lines.map(({ event }) => event).filter((event) => event.startsWith('telemetry.export'));
    collector.answer(400);
    await send();
    await send();
    await expect.poll(events, { timeout: 20_000 }).toEqual(['telemetry.export_failed']);
    collector.answer(200);
    await send();
    await expect
      .poll(events, { timeout: 20_000 })
      .toEqual(['telemetry.export_failed', 'telemetry.export_works']);
    await tracing.close(NEVER);
  });

  it('ends in time when the collector takes a connection and never answers', async () => {
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await expect.poll(() => silent.listening, { timeout: 20_000 }).toBe(true);
    const { port } = silent.address() as AddressInfo;
    const tracing = await open({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
    for (let at = 0; at < 5000; at += 1) tracing.begin('x', { kind: 'internal', parent: undefined }).end();
    const late = (): Fault => new Fault('timeout', 'operation.cancelled', 'late');
    using limit = deadline(systemClock(), 200, NEVER, late);
    await tracing.close(limit.signal); // would hang, or reject, otherwise
    silent.close();
  });
});
