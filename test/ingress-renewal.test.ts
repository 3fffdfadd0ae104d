import { once } from 'node:events';
import { Secret, systemClock } from '@opensandbox/base';
import { captureLog } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { AddressInfo } from 'node:net';
import { type TestRedis, openTestRedis } from '../packages/renew-intents/test/support/redis.ts';
import { type RunningIngress, openIngress } from '../apps/ingress/src/compose.ts';
import type { GatewayMode } from '../apps/ingress/src/request-target.ts';
import { ask } from '../apps/ingress/test/support/raw-client.ts';
import { Service } from '../apps/ingress/test/support/service.ts';

const SOON = { timeout: 20_000 };

describe('a gateway that tells of visits', () => {
  let redis: TestRedis;
  let service: Service;
  let api: Service;

  beforeAll(async () => {
    redis = await openTestRedis();
    service = await Service.open();
    api = await Service.open();
    api.answer = (request, response) => {
      const isEndpoint = request.url?.includes('/endpoints/') === true;
      response.end(
        JSON.stringify(
          isEndpoint ? { endpoint: `127.0.0.1:${service.port}` } : { status: { state: 'Running' } },
        ),
      );
    };
  });

  afterAll(async () => {
    await service[Symbol.asyncDispose]();
    await api[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
  });

  async function open(mode: GatewayMode, queueKey: string): Promise<RunningIngress & AsyncDisposable> {
    const log = captureLog();
    const ingress = await openIngress(
      {
        listen: { host: '127.0.0.1', port: 0 },
        admin: undefined,
        mode,
        source: {
          kind: 'server',
          url: new URL(`http://127.0.0.1:${api.port}`),
          apiKey: undefined,
          way: 'direct',
          freshMs: 60_000,
        },
        keys: { kind: 'none' },
        requireAccess: 'secured',
        renew: { dsn: new Secret(redis.dsn), queueKey, maxLength: 3, minIntervalMs: 3_600_000 },
        maxConnections: 0,
        drainMs: 0,
        log: { level: 'info', format: 'text' },
      },
      { clock: systemClock(), log, random: Math.random, readFileLater: () => Promise.resolve('') },
      new AbortController().signal,
    );
    return { ...ingress, [Symbol.asyncDispose]: () => ingress.close() };
  }

  const queue = async (key: string): Promise<Record<string, unknown>[]> => {
    const elements = await redis.client.lrange(key, 0, -1);
    return elements.map((text) => JSON.parse(text) as Record<string, unknown>);
  };

  it('pushes one intent for a sandbox in an interval, without a path in header mode', async () => {
    await using gateway = await open('header', 'by-header');
    for (let visit = 0; visit < 5; visit += 1) {
      expect((await ask(gateway.port, 'GET /x HTTP/1.1', 'Host: one-8080.x')).status).toBe(200);
    }
    await ask(gateway.port, 'GET /x HTTP/1.1', 'Host: two-9090.x');
    await expect.poll(() => queue('by-header'), SOON).toHaveLength(2);
    const [two, one] = await queue('by-header');
    expect(two).toEqual({ sandbox_id: 'two', observed_at: expect.any(String) as string, port: 9090 });
    expect(one).toEqual({ sandbox_id: 'one', observed_at: expect.any(String) as string, port: 8080 });
    expect(Math.abs(Date.parse(String(one?.['observed_at'])) - Date.now())).toBeLessThan(300_000);
  });

  it('tells the decoded path in uri mode, and keeps the newest when the list is full', async () => {
    await using gateway = await open('uri', 'by-path');
    for (const id of ['a', 'b', 'c', 'd']) {
      await ask(gateway.port, `GET /${id}/8080/p%20q?secret=1 HTTP/1.1`, 'Host: gw');
    }
    await expect
      .poll(async () => (await queue('by-path')).map((intent) => intent['sandbox_id']), SOON)
      .toEqual(['d', 'c', 'b']);
    expect((await queue('by-path'))[0]).toMatchObject({ port: 8080, request_uri: '/p q' });
  });

  it('counts a WebSocket once', async () => {
    const backend = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(backend, 'listening');
    const own = api.answer;
    api.answer = (request, response) => {
      if (request.url?.includes('/endpoints/') !== true) own(request, response);
      else response.end(JSON.stringify({ endpoint: `127.0.0.1:${(backend.address() as AddressInfo).port}` }));
    };
    await using gateway = await open('header', 'by-socket');
    const client = new WebSocket(`ws://127.0.0.1:${gateway.port}/`, {
      headers: { 'OpenSandbox-Ingress-To': 'socket-8080' },
    });
    await once(client, 'open');
    await expect.poll(() => queue('by-socket'), SOON).toHaveLength(1);
    client.terminate();
    for (const peer of backend.clients) peer.terminate();
    backend.close();
    api.answer = own;
  });

  it('serves on while Redis is not there', async () => {
    const away = await openTestRedis();
    await away[Symbol.asyncDispose]();
    const own = redis;
    redis = away;
    await using gateway = await open('header', 'nowhere');
    redis = own;
    expect((await ask(gateway.port, 'GET /x HTTP/1.1', 'Host: one-8080.x')).status).toBe(200);
  });
});
