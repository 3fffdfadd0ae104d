import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAgent } from './support/agent-process.ts';

interface Export {
  readonly path: string;
  readonly type: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

interface Point {
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly count?: number;
  readonly sum?: number;
  readonly asInt?: number | string;
  readonly asDouble?: number;
}

interface Metric {
  readonly name: string;
  readonly unit?: string;
  readonly histogram?: { readonly dataPoints: readonly Point[] };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly sum?: { readonly dataPoints: readonly Point[] };
}

interface Decoded {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: Point['attributes'] };
    readonly scopeMetrics: readonly {
      readonly scope: { readonly name: string };
      readonly metrics: readonly Metric[];
    }[];
  }[];
}

let collector: Server;
let exports: Export[];
beforeEach(async () => {
  exports = [];
  collector = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { url = '', headers } = request;
      const type = headers['content-type'] ?? '';
      exports.push({ path: url, type, headers, body: Buffer.concat(pieces) });
      response.setHeader('Content-Type', type).end(type.includes('json') ? '{}' : undefined);
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
});
afterEach(() => void collector.close());

const endpoint = (): string => `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** The points of the last export, by metric; attributes as an object. */
function lastPoints(): ReadonlyMap<string, { attributes: Record<string, unknown>; point: Point }[]> {
  const decoded = JSON.parse(exports.at(-1)?.body.toString() ?? '{}') as Decoded;
  const metrics = decoded.resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap((scope) => scope.metrics),
  );
  return new Map(
    metrics.map((metric) => {
      const points = (metric.histogram ?? metric.gauge ?? metric.sum)?.dataPoints ?? [];
      return [metric.name, points.map((point) => ({ attributes: plain(point.attributes), point }))];
    }),
  );
}

function plain(attributes: Point['attributes']): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

describe('measurements', () => {
  it('of requests, executions, files and the system reach the collector, the last ones at the end', async () => {
    const agent = await startAgent({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint(),
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=t1',
        OTEL_METRIC_EXPORT_INTERVAL: '300',
        OPENSANDBOX_ID: 'sbx-1',
        OPENSANDBOX_EXECD_METRICS_EXTRA_ATTRS: 'team=red',
      },
      args: ['--graceful-shutdown-timeout', '5s'],
    });
    await until(() => exports.length > 0);
    const call = async (method: string, path: string, body?: unknown): Promise<void> => {
      const init = body === undefined ? {} : { body: JSON.stringify(body) };
      await (await fetch(agent.url + path, { method, ...init })).text();
    };
    await call('GET', '/ping');
    await call('GET', '/nowhere/at/all');
    await call('GET', '/directories/list?path=/etc');
    await call('GET', '/files/info?path=/does/not/exist');
    await call('POST', '/command', { command: 'sleep 0.2' });
    await call('POST', '/command', { command: 'exit 3' });
    await call('GET', '/command/status/none');
    await agent.stop();
    const points = lastPoints();
    const common = { sandbox_id: 'sbx-1', team: 'red' };
    const facts = (name: string): unknown[] => points.get(name)?.map(({ attributes }) => attributes) ?? [];
    expect(facts('execd.http.request.duration')).toEqual(
      expect.arrayContaining([
        { ...common, http_method: 'GET', http_route: '/ping', http_status_code: 200 },
        { ...common, http_method: 'GET', http_route: 'unknown', http_status_code: 404 },
        { ...common, http_method: 'GET', http_route: '/command/status/:id', http_status_code: 404 },
      ]),
    );
    expect(facts('execd.execution.duration')).toEqual([
      { ...common, operation: 'run_command', result: 'success' },
      { ...common, operation: 'run_command', result: 'failure' },
    ]);
    expect(points.get('execd.execution.duration')?.[0]?.point.sum).toBeGreaterThan(0.19);
    expect(facts('execd.filesystem.operations.duration')).toEqual([
      { ...common, operation: 'listdir', result: 'success' },
      { ...common, operation: 'info', result: 'failure' },
    ]);
    const value = (name: string): number =>
      Number(points.get(name)?.[0]?.point.asInt ?? points.get(name)?.[0]?.point.asDouble);
    expect(value('execd.system.process.count')).toBeGreaterThan(0);
    expect(value('execd.system.memory.usage_bytes')).toBeGreaterThan(0);
    expect(value('execd.system.cpu.usage')).toBeGreaterThanOrEqual(0);
    expect(facts('execd.system.network.connections.active')).toEqual([
      { ...common, protocol: 'tcp' },
      { ...common, protocol: 'udp' },
    ]);
    expect(facts('execd.system.network.io.bytes')).toEqual([
      { ...common, direction: 'receive' },
      { ...common, direction: 'transmit' },
    ]);
    const last = exports.at(-1);
    expect(last?.path).toBe('/v1/metrics');
    expect(last?.headers['x-tenant']).toBe('t1');
    const decoded = JSON.parse(last?.body.toString() ?? '') as Decoded;
    const [resource] = decoded.resourceMetrics;
    expect(plain(resource?.resource.attributes ?? [])['service.name']).toMatch(/^opensandbox-execd-\d/);
    expect(resource?.scopeMetrics.map(({ scope }) => scope.name)).toEqual(['opensandbox/execd']);
  });

  it('travel as protobuf unless asked otherwise', async () => {
    const agent = await startAgent({
      env: {
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${endpoint()}/custom`,
        OTEL_METRIC_EXPORT_INTERVAL: '200',
      },
    });
    await until(() => exports.length > 0);
    await agent.stop();
    expect(exports[0]?.path).toBe('/custom');
    expect(exports[0]?.type).toBe('application/x-protobuf');
    expect(exports[0]?.body.includes('execd.system.process.count')).toBe(true);
  });

  it('neither trouble the agent nor are heard of where no collector answers', async () => {
    const deserted = endpoint();
    collector.close();
    const agent = await startAgent({
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: deserted, OTEL_METRIC_EXPORT_INTERVAL: '100' },
    });
    await until(() => agent.printed().includes('telemetry.opened'));
    for (let turn = 0; turn < 50; turn += 1) expect((await fetch(`${agent.url}/ping`)).status).toBe(200);
    const asked = performance.now();
    expect(await agent.stop()).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5000); // a second of grace, and a busy machine
    expect(agent.printed()).not.toMatch(/"level":"(warn|error)"|ECONNREFUSED/);
  });

  it('load nothing where a host is known and nothing listens there', async () => {
    await using agent = await startAgent({
      env: { HOST_IP: '127.0.0.1', OTEL_METRIC_EXPORT_INTERVAL: '100' },
    });
    for (let turn = 0; turn < 50; turn += 1) await (await fetch(`${agent.url}/files/info`)).text();
    expect(agent.printed()).not.toContain('telemetry.opened');
    expect(agent.printed()).not.toMatch(/"level":"(warn|error)"/);
  });
});
