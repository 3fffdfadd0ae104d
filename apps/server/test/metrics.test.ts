import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { parseExposition } from '@opensandbox/testkit';
import type { ExposedMetric } from '@opensandbox/testkit';
import { noTracing } from '@opensandbox/telemetry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServerTelemetry } from '../src/telemetry/server-telemetry.ts';
import { CliProcess, TestHome, freePort } from './support/cli-process.ts';
import { AUTH, KEY as APP_KEY, openTestApp } from './support/test-app.ts';

const KEY = 'hunter2-key';
const HEADERS = { 'OPEN-SANDBOX-API-KEY': KEY, 'content-type': 'application/json' };
const CREATE = { image: { uri: 'busybox' }, entrypoint: ['true'], resourceLimits: {}, timeout: 3600 };
const PATIENCE = { timeout: 20_000 };
const DASHBOARD = new URL('../../../deploy/observability/grafana-dashboard.json', import.meta.url);

interface Served extends AsyncDisposable {
  readonly url: string;
  readonly cli: CliProcess;
}

/** A real server on the fake runtime. */
async function serve(more = '', env: Readonly<Record<string, string>> = {}): Promise<Served> {
  const home = new TestHome();
  const port = await freePort();
  const config = `[server]\nhost = "127.0.0.1"\nport = ${port}\napi_key = "${KEY}"\n[runtime]\ntype = "fake"\n${more}`;
  const cli = new CliProcess(home, ['--config', home.write('s.toml', config)], env);
  await cli.printed(/server\.listening/);
  return {
    url: `http://127.0.0.1:${port}`,
    cli,
    async [Symbol.asyncDispose]() {
      cli.kill('SIGKILL');
      await cli.ended();
      home[Symbol.dispose]();
    },
  };
}

type Metrics = ReadonlyMap<string, ExposedMetric>;

async function scrape(url: string): Promise<Metrics> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${KEY}` } });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parseExposition(await answer.text());
}

/** The value of the one sample that has these labels among its own. */
function value(
  metrics: Metrics,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = metrics.get(name) ?? metrics.get(name.replace(/_(count|sum|bucket)$/, ''));
  return family?.samples.find(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, wanted]) => sample.labels[key] === wanted),
  )?.value;
}

describe('metrics of a running server', () => {
  let served: Served;
  let url: string;

  beforeAll(async () => {
    served = await serve();
    ({ url } = served);
  });

  afterAll(() => served[Symbol.asyncDispose]());

  it('tell what happened to its sandboxes, and name none of them', async () => {
    const created = await fetch(`${url}/v1/sandboxes?secret=hush`, {
      method: 'POST',
      headers: { ...HEADERS, prefer: 'wait=30' },
      body: JSON.stringify(CREATE),
    });
    const { id } = (await created.json()) as { id: string };
    await fetch(`${url}/v1/sandboxes/nobody`, { headers: HEADERS });
    await fetch(`${url}/no/such/route-hush`, { headers: HEADERS });
    await fetch(`${url}/v1/sandboxes`, { method: 'POST', headers: HEADERS, body: '{}' });
    const far = { expiresAt: new Date(Date.now() + 7_200_000).toISOString() };
    const renewal = { method: 'POST', headers: HEADERS, body: JSON.stringify(far) };
    expect((await fetch(`${url}/v1/sandboxes/${id}/renew-expiration`, renewal)).status).toBe(200);
    // A request is counted when its answer has left, a moment after the client has it.
    await expect
      .poll(async () => value(await scrape(url), 'opensandbox_sandbox_renewals_total'), PATIENCE)
      .toBe(1);
    const metrics = await scrape(url);
    const create = { method: 'POST', route: '/v1/sandboxes' };
    const read = (name: string, labels?: Readonly<Record<string, string>>): number | undefined =>
      value(metrics, `opensandbox_${name}`, labels);
    expect(read('sandbox_creates_total', { outcome: 'accepted' })).toBe(1);
    expect(read('sandbox_provisions_total', { outcome: 'ready' })).toBe(1);
    for (const stage of ['admit', 'queue', 'image', 'create', 'start', 'agent', 'total']) {
      expect([stage, read('sandbox_create_stage_seconds_count', { stage })]).toEqual([stage, 1]);
    }
    expect(read('sandboxes', { state: 'Running' })).toBe(1);
    expect(read('sandboxes', { state: 'Failed' })).toBe(0);
    expect(read('index_sandboxes')).toBe(1);
    expect(read('http_requests_total', { ...create, status: '202' })).toBe(1);
    expect(read('http_requests_total', { ...create, status: '422' })).toBe(1);
    expect(read('http_requests_total', { route: 'unmatched', status: '404' })).toBe(1);
    expect(read('http_request_seconds_count', create)).toBe(2);
    expect(read('http_errors_total', { code: 'DOCKER::SANDBOX_NOT_FOUND' })).toBe(1);
    expect(read('sandbox_renewals_total', { source: 'api', outcome: 'renewed' })).toBe(1);
    expect(read('store_write_seconds_count', { operation: 'insert', outcome: 'success' })).toBe(1);
    expect(read('engine_events_total', { type: 'snapshot' })).toBeGreaterThanOrEqual(1);
    expect(read('build_info', { runtime: 'fake' })).toBe(1);
    expect(value(metrics, 'process_resident_memory_bytes')).toBeGreaterThan(1e7);
    const text = await (await fetch(`${url}/metrics`, { headers: HEADERS })).text();
    for (const secret of [id, 'hush', KEY]) expect(text).not.toContain(secret);
    await fetch(`${url}/v1/sandboxes/${id}`, { method: 'DELETE', headers: HEADERS });
    expect(value(await scrape(url), 'opensandbox_sandbox_deletes_total', { outcome: 'removed' })).toBe(1);
  });

  it('have every name that the dashboard asks for', async () => {
    const metrics = await scrape(url);
    const names = dashboardMetrics();
    expect(names.size).toBeGreaterThan(30);
    const missing = [...names].filter(
      (name) => !metrics.has(name) && !metrics.has(name.replace(/_(bucket|count|sum)$/, '')),
    );
    expect(missing).toEqual([]);
  });
});

describe('the route of the metrics', () => {
  async function statuses(
    metrics: { readonly isPublic: boolean } | undefined,
    ...attempts: readonly { readonly url: string; readonly headers: Readonly<Record<string, string>> }[]
  ): Promise<readonly number[]> {
    using telemetry = createServerTelemetry({
      tracing: noTracing,
      version: '1',
      runtimeName: 'fake',
      now: () => performance.now(),
      wallNow: () => Date.now(),
      publicCode: (fault) => fault.code,
    });
    await using test = await openTestApp({ telemetry, options: { metrics } });
    return await Promise.all(attempts.map(async (attempt) => (await test.app.inject(attempt)).statusCode));
  }

  const ask = (headers: Readonly<Record<string, string>>, url = '/metrics') => ({ url, headers });
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

  it('needs the API key, as its own header or as a bearer token', async () => {
    const attempts = [ask({}), ask(bearer('other')), ask(bearer(APP_KEY)), ask(AUTH)];
    expect(await statuses({ isPublic: false }, ...attempts)).toEqual([401, 401, 200, 200]);
  });

  it('is the only one that takes the key as a bearer token', async () => {
    const attempt = ask(bearer(APP_KEY), '/v1/sandboxes');
    expect(await statuses({ isPublic: false }, attempt)).toEqual([401]);
  });

  it('needs no key when it is public, and opens nothing else', async () => {
    const attempts = [ask({}), ask({}, '/metrics/events'), ask({}, '/v1/sandboxes')];
    expect(await statuses({ isPublic: true }, ...attempts)).toEqual([200, 401, 401]);
  });

  it('is not there when metrics are off', async () => {
    expect(await statuses(undefined, ask(AUTH))).toEqual([404]);
  });
});

describe('a server whose collector takes connections and never answers', () => {
  it('serves, and ends when it is told to', async () => {
    const silent = createServer((socket) => void socket.on('error', () => undefined));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    await using served = await serve('[metrics]\npublic = true', {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_BSP_SCHEDULE_DELAY: '10',
    });
    for (let at = 0; at < 5; at += 1) expect((await fetch(`${served.url}/metrics`)).status).toBe(200);
    served.cli.kill('SIGTERM');
    expect(await served.cli.ended()).toBe(143);
    expect(served.cli.stdout).toContain('server.stopped');
    silent.close();
  }, 180_000);
});

/** The metrics that the queries of the dashboard name. */
function dashboardMetrics(): ReadonlySet<string> {
  const text = readFileSync(DASHBOARD, 'utf8');
  const dashboard = JSON.parse(text) as {
    readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
  };
  const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const names = queries.flatMap((query) => query.match(/\b(?:opensandbox|process|nodejs)_[a-z0-9_]+/g) ?? []);
  return new Set(names);
}
