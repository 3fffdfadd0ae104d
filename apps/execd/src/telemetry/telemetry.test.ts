import { describe, expect, it } from 'vitest';
import { recordAnswer } from './record-answer.ts';
import { commonAttributes, exportIntervalMs, isJsonWanted } from './settings.ts';
import { countEstablished, parseNetworkBytes } from './system-readings.ts';
import type { Answered } from './telemetry.ts';

async function recorded(answered: Partial<Answered>): Promise<unknown[]> {
  const seen: unknown[] = [];
  await recordAnswer(
    {
      request: (facts, ms) => seen.push(['request', facts, ms]),
      execution: (operation, result, ms) => seen.push(['execution', operation, result, ms]),
      filesystem: (operation, result, ms) => seen.push(['filesystem', operation, result, ms]),
    },
    { method: 'GET', route: undefined, status: 200, outcome: undefined, ...answered },
    () => 7,
  );
  return seen;
}

describe('recordAnswer', () => {
  it('gives unknown paths and methods one series each', async () => {
    const facts = { method: '_OTHER', route: 'unknown', status: 404 };
    expect(await recorded({ method: 'BREW', status: 404 })).toEqual([['request', facts, 7]]);
  });

  it('counts an execution when its stream has ended, by how it ended', async () => {
    const outcome = Promise.resolve('failure' as const);
    expect(await recorded({ method: 'POST', route: '/session/:id/run', outcome })).toEqual([
      ['request', { method: 'POST', route: '/session/:id/run', status: 200 }, 7],
      ['execution', 'run_in_session', 'failure', 7],
    ]);
  });

  it('takes an execution that was refused for a failed one', async () => {
    expect(await recorded({ method: 'POST', route: '/code', status: 400 })).toContainEqual([
      'execution',
      'run_code',
      'failure',
      7,
    ]);
  });

  it.each([
    ['GET', '/files/info', 'info'],
    ['DELETE', '/files', 'delete'],
    ['POST', '/files/permissions', 'chmod'],
    ['POST', '/files/mv', 'rename'],
    ['POST', '/directories', 'mkdir'],
    ['DELETE', '/directories', 'rmdir'],
    ['GET', '/directories/list', 'listdir'],
    ['GET', '/files/search', 'search'],
    ['POST', '/files/replace', 'replace'],
    ['POST', '/files/upload', 'upload'],
    ['GET', '/files/download', 'download'],
  ])('knows %s %s as the operation %s', async (method, route, operation) => {
    expect(await recorded({ method, route })).toContainEqual(['filesystem', operation, 'success', 7]);
  });
});

describe('settings', () => {
  it('name the sandbox and what its owner added, and skip what is no pair', () => {
    const environment = {
      OPENSANDBOX_ID: 'sbx',
      OPENSANDBOX_EXECD_METRICS_EXTRA_ATTRS: ' team = a=b ,broken,=x,zone=eu,',
    };
    expect(commonAttributes(environment)).toEqual({ sandbox_id: 'sbx', team: 'a=b', zone: 'eu' });
    expect(commonAttributes({})).toEqual({});
  });

  it('send every minute unless another interval makes sense', () => {
    expect(exportIntervalMs({})).toBe(60_000);
    expect(exportIntervalMs({ OTEL_METRIC_EXPORT_INTERVAL: '200' })).toBe(200);
    expect(exportIntervalMs({ OTEL_METRIC_EXPORT_INTERVAL: '0' })).toBe(60_000);
    expect(exportIntervalMs({ OTEL_METRIC_EXPORT_INTERVAL: 'soon' })).toBe(60_000);
  });

  it('send JSON when asked, for metrics or for everything', () => {
    expect(isJsonWanted({})).toBe(false);
    expect(isJsonWanted({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' })).toBe(true);
    const both = {
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf',
    };
    expect(isJsonWanted(both)).toBe(false);
  });
});

describe('system readings', () => {
  it('add up interfaces but for the loopback', () => {
    const text = [
      'Inter-|   Receive                                                |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop',
      '    lo: 900 1 0 0 0 0 0 0 900 1 0 0',
      '  eth0: 100 1 0 0 0 0 0 0 20 1 0 0',
      '  eth1:1 1 0 0 0 0 0 0 2 1 0 0',
      '',
    ].join('\n');
    expect(parseNetworkBytes(text)).toEqual({ received: 101, sent: 22 });
    expect(parseNetworkBytes('')).toEqual({ received: 0, sent: 0 });
  });

  it('count connections that are established', () => {
    const text = [
      '  sl  local_address rem_address   st tx_queue rx_queue',
      '   0: 00000000:AEE4 00000000:0000 0A 00000000:00000000',
      '   1: 0100007F:AEE4 0100007F:C350 01 00000000:00000000',
      '',
    ].join('\n');
    expect(countEstablished(text)).toBe(1);
    expect(countEstablished('')).toBe(0);
  });
});
