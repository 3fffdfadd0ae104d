import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openOtlpCollector } from '@opensandbox/testkit';
import type { OtlpCollector } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAgent } from './support/agent-process.ts';
import type { AgentProcess } from './support/agent-process.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01`, tracestate: 'vendor=1' };
const PATIENCE = { timeout: 20_000 };

let collector: OtlpCollector;
beforeEach(async () => {
  collector = await openOtlpCollector();
});
afterEach(() => collector[Symbol.asyncDispose]());

/** An agent that has begun to trace. */
async function tracingAgent(): Promise<AgentProcess> {
  const agent = await startAgent({
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OPENSANDBOX_ID: 'sbx-1',
    },
    args: ['--graceful-shutdown-timeout', '5s'],
  });
  await expect.poll(() => agent.printed(), PATIENCE).toContain('telemetry.traces');
  return agent;
}

describe('traces', () => {
  it('of the caller are continued by the agent, with templates and never a query', async () => {
    await using agent = await tracingAgent();
    await fetch(`${agent.url}/directories/list?path=/etc&secret=hush`, { headers: CALLER });
    const body = JSON.stringify({ command: 'exit 3 # hush' });
    await (await fetch(`${agent.url}/command`, { method: 'POST', body, headers: CALLER })).text();
    await expect.poll(() => collector.spans().length, PATIENCE).toBe(2);
    expect(collector.spans()).toMatchObject([
      {
        service: 'opensandbox-execd',
        name: 'GET /directories/list',
        traceId: TRACE,
        parentSpanId: '00f067aa0ba902b7',
        attributes: { 'http.request.method': 'GET', 'http.route': '/directories/list' },
      },
      { name: 'POST /command', traceId: TRACE, isError: true },
    ]);
    const sent = collector.requests.map((request) => request.body.toString()).join();
    expect(sent).toContain('sbx-1');
    expect(sent).not.toContain('hush');
  });

  it('go on to the application behind a port', async () => {
    const seen: (string | string[] | undefined)[] = [];
    const application = createServer((request, response) => {
      seen.push(request.headers['traceparent'], request.headers['tracestate']);
      response.end('ok');
    }).listen(0, '127.0.0.1');
    await once(application, 'listening');
    const { port } = application.address() as AddressInfo;
    await using agent = await tracingAgent();
    await (await fetch(`${agent.url}/proxy/${port}/secret/path`, { headers: CALLER })).text();
    await expect.poll(() => collector.spans().length, PATIENCE).toBe(1);
    const [span] = collector.spans();
    expect(span?.name).toBe('GET /proxy/:port/*');
    expect(seen).toEqual([`00-${TRACE}-${span?.spanId}-01`, 'vendor=1']);
    application.closeAllConnections();
    application.close();
  });

  it('are passed on untouched when the agent records none', async () => {
    const seen: (string | string[] | undefined)[] = [];
    const application = createServer((request, response) => {
      seen.push(request.headers['traceparent'], request.headers['tracestate']);
      response.end('ok');
    }).listen(0, '127.0.0.1');
    await once(application, 'listening');
    const { port } = application.address() as AddressInfo;
    await using agent = await startAgent();
    await (await fetch(`${agent.url}/proxy/${port}/`, { headers: CALLER })).text();
    expect(seen).toEqual([CALLER.traceparent, CALLER.tracestate]);
    application.closeAllConnections();
    application.close();
  });
});
