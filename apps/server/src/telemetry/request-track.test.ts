import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { createMeters, noTracing } from '@opensandbox/telemetry';
import { describe, expect, it } from 'vitest';
import { createInstruments } from './instruments.ts';
import { beginTrack } from './request-track.ts';

const ROUTE = '/v1/sandboxes/:id/proxy/:port/*';
const FACTS = { status: 200, upBytes: 3, downBytes: 5, firstByteMs: 1, durationMs: 2, isBroken: true };

function measure() {
  const meters = createMeters();
  const deps = { instruments: createInstruments(meters), tracing: noTracing, now: () => 0 };
  const begin = (method = 'GET') => {
    const request = new IncomingMessage(new Socket());
    request.method = method;
    return beginTrack(request, deps);
  };
  const series = (name: string): readonly unknown[] => {
    const family = meters.collect().find((metric) => metric.name === `opensandbox_${name}`);
    return (family?.series ?? []).map(({ labels, value }) => [
      ...Object.values(labels),
      typeof value === 'number' ? value : value.count,
    ]);
  };
  return { begin, series };
}

describe('the track of a proxied request', () => {
  it('counts what passed, also when its end is told before that', async () => {
    const { begin, series } = measure();
    const track = begin();
    track.dialled('published');
    expect(series('proxy_open')).toContainEqual(['http', 1]);
    // One event tells both that the client has left: the track first, then the proxy.
    track.ended(200, ROUTE);
    track.observed(FACTS);
    await Promise.resolve();
    expect(series('proxy_requests_total')).toEqual([['http', 'published', '2xx', 1]]);
    expect(series('proxy_broken_total')).toContainEqual(['http', 1]);
    expect(series('proxy_bytes_total')).toEqual([
      ['up', 3],
      ['down', 5],
    ]);
    expect(series('proxy_open')).toContainEqual(['http', 0]);
  });

  it('is not open any more when nothing passed, nor when it is dialled after its end', async () => {
    const { begin, series } = measure();
    const track = begin();
    track.dialled('agent');
    track.ended(499, ROUTE);
    await Promise.resolve();
    track.dialled('agent');
    expect(series('proxy_open')).toContainEqual(['http', 0]);
  });

  it('keeps no series for each status that a service makes up, nor for each method of a client', () => {
    const { begin, series } = measure();
    for (let status = 200; status < 600; status += 1) begin(`M${status}`).ended(status, ROUTE);
    expect(series('http_requests_total')).toEqual(
      ['2xx', '3xx', '4xx', '5xx'].map((status) => ['OTHER', ROUTE, status, 100]),
    );
  });
});

it('the track of a request to the API has its status and its time, one for an endpoint as well', () => {
  const { begin, series } = measure();
  const route = '/v1/sandboxes/:id/endpoints/:port';
  begin().ended(404, route);
  expect(series('http_requests_total')).toEqual([['GET', route, '404', 1]]);
  expect(series('http_request_seconds')).toEqual([['GET', route, 1]]);
});
