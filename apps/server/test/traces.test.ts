import { Fault, deadline, systemClock } from '@opensandbox/base';
import { openTracing } from '@opensandbox/telemetry';
import type { Tracing } from '@opensandbox/telemetry';
import { captureLog, openOtlpCollector, parseExposition } from '@opensandbox/testkit';
import type { CollectedSpan, ExposedMetric, OtlpCollector } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServerTelemetry } from '../src/telemetry/server-telemetry.ts';
import type { ServerTelemetry } from '../src/telemetry/server-telemetry.ts';
import { publicCode } from '../src/wire-codes.ts';
import { PATIENCE, type ProxyWorld, openProxyWorld } from './support/proxy-world.ts';
import { AUTH, CREATE, KEY } from './support/test-app.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

let collector: OtlpCollector;
let tracing: Tracing;
let telemetry: ServerTelemetry;
let world: ProxyWorld;
beforeEach(async () => {
  collector = await openOtlpCollector();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
  telemetry[Symbol.dispose]();
  await closeTracing();
  await collector[Symbol.asyncDispose]();
});

async function open(env: Readonly<Record<string, string>> = {}): Promise<void> {
  const named = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '20',
  };
  tracing = await openTracing({
    service: 'opensandbox-server',
    version: '1',
    env: { ...named, ...env },
    log: captureLog(),
  });
  telemetry = createServerTelemetry({
    tracing,
    version: '1',
    runtimeName: 'fake',
    now: () => performance.now(),
    wallNow: () => Date.now(),
    publicCode: (fault) => publicCode(fault, 'fake').code,
  });
  world = await openProxyWorld({ telemetry });
}

const inTrace = (): readonly CollectedSpan[] => collector.spans().filter(({ traceId }) => traceId === TRACE);
const names = (): readonly string[] => inTrace().map(({ name }) => name);
const named = (name: string): CollectedSpan | undefined => inTrace().find((span) => span.name === name);

async function metrics(): Promise<ReadonlyMap<string, ExposedMetric>> {
  return parseExposition(await telemetry.http.exposition());
}

describe('traces of the server', () => {
  it('show a creation with its stages below the request that asked for it', async () => {
    await open();
    const payload = { ...CREATE, env: { SECRET: 'hush' } };
    const headers = { ...AUTH, traceparent: TRACEPARENT };
    const answer = await world.test.app.inject({
      method: 'POST',
      url: '/v1/sandboxes?q=hush',
      headers,
      payload,
    });
    expect(answer.statusCode).toBe(202);
    const stages = ['admit', 'image', 'create', 'start', 'agent'].map((stage) => `sandbox.create ${stage}`);
    await expect.poll(names, PATIENCE).toEqual(expect.arrayContaining(['POST /v1/sandboxes', ...stages]));
    const root = named('POST /v1/sandboxes');
    expect(root).toMatchObject({
      service: 'opensandbox-server',
      parentSpanId: '00f067aa0ba902b7',
      kind: 2,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/sandboxes',
        'http.response.status_code': 202,
      },
    });
    for (const stage of stages) expect(named(stage)?.parentSpanId).toBe(root?.spanId);
    const sent = collector.requests.map(({ body }) => body.toString()).join();
    for (const secret of ['hush', KEY, answer.json<{ id: string }>().id]) expect(sent).not.toContain(secret);
  });

  it('go on through the proxy to the service, which is told of the span that asks it', async () => {
    await open();
    await world.ask(`GET ${world.target('/hidden/path?hush=1')} HTTP/1.1`, `traceparent: ${TRACEPARENT}`);
    await expect.poll(names, PATIENCE).toEqual(['proxy', 'GET /v1/sandboxes/:id/proxy/:port/*']);
    const proxy = named('proxy');
    expect(proxy).toMatchObject({
      kind: 3,
      parentSpanId: named('GET /v1/sandboxes/:id/proxy/:port/*')?.spanId,
      attributes: { 'opensandbox.proxy.way': 'published', 'http.response.status_code': 200 },
    });
    expect(world.backend.text).toMatch(
      new RegExp(`\r\ntraceparent: 00-${TRACE}-${proxy?.spanId}-01\r\n`, 'i'),
    );
    expect(world.backend.text.match(/traceparent/gi)).toHaveLength(1);
    const sent = collector.requests.map(({ body }) => body.toString()).join();
    for (const secret of ['hush', 'hidden', world.id]) expect(sent).not.toContain(secret);
  });

  it.each([
    ['the server samples nothing', { OTEL_TRACES_SAMPLER: 'always_off' }, TRACEPARENT],
    ['the caller asked for no recording', {}, TRACEPARENT.replace(/01$/, '00')],
    ['no collector is named', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }, TRACEPARENT],
  ])('are passed on byte for byte when %s', async (_name, env, traceparent) => {
    await open(env);
    const lines = [`TraceParent: ${traceparent}`, 'tracestate: a=1'];
    await world.ask(`GET ${world.target('/')} HTTP/1.1`, ...lines);
    expect(world.backend.text).toContain(`\r\nTraceParent: ${traceparent}\r\n`);
    expect(world.backend.text).toContain('\r\ntracestate: a=1\r\n');
    expect(inTrace()).toEqual([]);
  });

  it('cost no request anything when the collector answers nothing but errors', async () => {
    await open();
    collector.answer(503);
    const answer = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok';
    world.backend.script = ({ socket }) => socket.end(answer, 'latin1');
    for (let at = 0; at < 20; at += 1) {
      expect(await world.ask(`GET ${world.target('/')} HTTP/1.1`)).toContain('200 OK');
    }
    await expect.poll(() => collector.requests.length, PATIENCE).toBeGreaterThan(0);
    await closeTracing();
  });
});

describe('metrics of the proxy', () => {
  it('count what passes in both directions, and what is open', async () => {
    await open();
    const answer = await world.ask(`POST ${world.target('/x')} HTTP/1.1`, 'Content-Length: 5', '', 'hello');
    expect(answer).toContain('200 OK');
    const samples = async (name: string) => (await metrics()).get(`opensandbox_${name}`)?.samples;
    await expect
      .poll(() => samples('proxy_requests_total'), PATIENCE)
      .toEqual([
        {
          name: 'opensandbox_proxy_requests_total',
          labels: { kind: 'http', way: 'published', status: '2xx' },
          value: 1,
        },
      ]);
    const bytes = Object.fromEntries(
      ((await samples('proxy_bytes_total')) ?? []).map(({ labels, value }) => [
        labels['direction'] ?? '',
        value,
      ]),
    );
    expect(bytes).toEqual({ up: 5, down: 2 });
    expect((await samples('proxy_open'))?.[0]?.value).toBe(0);
    world.backend.script = ({ socket }) => socket.write('HTTP/1.1 200 OK\r\n\r\nbegin', 'latin1');
    using connection = await world.connect();
    connection.send(`GET ${world.target('/stream')} HTTP/1.1`, 'Host: x');
    await expect.poll(async () => (await samples('proxy_open'))?.[0]?.value, PATIENCE).toBe(1);
    connection[Symbol.dispose]();
    await expect.poll(async () => (await samples('proxy_open'))?.[0]?.value, PATIENCE).toBe(0);
  });

  it('count WebSockets while they are open and when they have ended', async () => {
    await open();
    world.backend.script = ({ socket }) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    const sum = async (name: string, kind: string): Promise<number | undefined> =>
      (await metrics()).get(`opensandbox_${name}`)?.samples.find(({ labels }) => labels['kind'] === kind)
        ?.value;
    using connection = await world.connect();
    connection.send(
      `GET ${world.target('/socket')} HTTP/1.1`,
      'Host: x',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      `traceparent: ${TRACEPARENT}`,
    );
    await connection.received(/101 Switching Protocols/);
    await expect.poll(() => sum('proxy_open', 'websocket'), PATIENCE).toBe(1);
    connection[Symbol.dispose]();
    await expect.poll(() => sum('proxy_open', 'websocket'), PATIENCE).toBe(0);
    await expect.poll(() => sum('proxy_requests_total', 'websocket'), PATIENCE).toBe(1);
    await expect
      .poll(() => named('GET /sandboxes/:id/proxy/:port/*')?.attributes, PATIENCE)
      .toMatchObject({ 'http.response.status_code': 101 });
    expect(world.backend.text).toMatch(
      new RegExp(`traceparent: 00-${TRACE}-${named('proxy')?.spanId}-01`, 'i'),
    );
  });
});

/** As the server does at its end: it does not wait for a collector that takes nothing. */
async function closeTracing(): Promise<void> {
  const late = (): Fault => new Fault('timeout', 'operation.cancelled', 'late');
  using limit = deadline(systemClock(), 100, new AbortController().signal, late);
  await tracing.close(limit.signal);
}
