import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isFault, systemClock } from '@opensandbox/base';
import type { Lifecycle } from '@opensandbox/core';
import { describe, expect, it, vi } from 'vitest';
import { RawConnection } from './support/raw-http.ts';
import { AUTH, CREATE, KEY, type TestApp, type TestAppOptions, openTestApp } from './support/test-app.ts';

interface Listening extends AsyncDisposable {
  readonly test: TestApp;
  readonly port: number;
}

async function listen(options: TestAppOptions = {}): Promise<Listening> {
  const test = await openTestApp({ httpClock: systemClock(), ...options });
  await test.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = test.app.server.address() as AddressInfo;
  return { test, port, [Symbol.asyncDispose]: () => test[Symbol.asyncDispose]() };
}

const HOST = 'Host: localhost';

describe('connections', () => {
  it('are kept between requests and closed when they are idle for too long', async () => {
    await using server = await listen({ options: { keepAliveTimeoutSeconds: 1 } });
    using connection = await RawConnection.open(server.port);
    connection.send('GET /health HTTP/1.1', HOST);
    await connection.received(/healthy/);
    connection.send('GET /health HTTP/1.1', HOST);
    await connection.received(/healthy[^]*healthy/);
    expect(connection.text).toMatch(/keep-alive: timeout=1/i);
    await connection.closed();
  });

  it('are asked by the kernel whether the client is still there', async () => {
    await using server = await listen();
    using connection = await RawConnection.open(server.port);
    connection.send('GET /health HTTP/1.1', HOST);
    await connection.received(/healthy/);
    // proc(5), tcp: local address, remote address, state, queues, then the timer: 02 is the one of keepalive.
    const port = server.port.toString(16).toUpperCase().padStart(4, '0');
    const own = new RegExp(`^ *\\d+: [0-9A-F]+:${port} [0-9A-F:]+ 01 [0-9A-F:]+ (\\d\\d):`, 'm');
    expect(own.exec(readFileSync('/proc/net/tcp', 'utf8'))?.[1]).toBe('02');
  });

  it('that carry no HTTP are told so and closed', async () => {
    await using server = await listen();
    using connection = await RawConnection.open(server.port);
    connection.send('this is not http');
    await connection.closed();
    expect(connection.text).toMatch(/^HTTP\/1\.1 400 /);
    expect(connection.text).toMatch(/x-request-id: [0-9a-f]{32}/i);
    expect(connection.text).toContain(
      '{"detail":"Invalid HTTP request received.","code":"GENERAL::INVALID_REQUEST","message":"Invalid HTTP request received."}',
    );
  });

  it.each([
    ['both framings', ['Content-Length: 3', 'Transfer-Encoding: chunked']],
    ['two lengths', ['Content-Length: 3', 'Content-Length: 4']],
    ['a space in a header name', ['Bad Name: x']],
  ])('with %s are refused', async (_what, headers) => {
    await using server = await listen();
    using connection = await RawConnection.open(server.port);
    connection.send('POST /v1/sandboxes HTTP/1.1', HOST, ...headers);
    await connection.closed();
    expect(connection.text).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('with too large a head get 431', async () => {
    await using server = await listen();
    using connection = await RawConnection.open(server.port);
    connection.send('GET /health HTTP/1.1', HOST, `X-Big: ${'x'.repeat(70_000)}`);
    await connection.received(/healthy/);
    connection.send('GET /health HTTP/1.1', HOST, `X-Big: ${'x'.repeat(200_000)}`);
    await connection.received(/HTTP\/1\.1 431 /);
  });
});

describe('capacity', () => {
  it('counts open connections, the arriving one included, and refuses health checks too', async () => {
    await using server = await listen({ options: { limitConcurrency: 3 } });
    using first = await RawConnection.open(server.port);
    using second = await RawConnection.open(server.port);
    for (const connection of [first, second]) {
      connection.send('GET /health HTTP/1.1', HOST);
      await connection.received(/healthy/);
    }
    using third = await RawConnection.open(server.port);
    third.send('GET /health HTTP/1.1', HOST, 'X-Request-ID: r3');
    await third.closed();
    expect(third.text).toMatch(/^HTTP\/1\.1 503 /);
    expect(third.text).toMatch(/\r\nconnection: close\r\n/i);
    expect(third.text).toMatch(/\r\nx-request-id: r3\r\n/i);
    expect(third.text).toContain('{"code":"GENERAL::OVERLOADED","message":"Service Unavailable"}');
    first.socket.destroy();
    await vi.waitFor(async () => {
      using fourth = await RawConnection.open(server.port);
      fourth.send('GET /health HTTP/1.1', HOST);
      await fourth.received(/healthy/);
    });
  });
});

describe('a client that leaves', () => {
  it('ends its wait for an endpoint', async () => {
    let ended: unknown;
    const resolve: Lifecycle['resolve'] = (_id, _port, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          ended = signal.reason;
          reject(signal.reason as Error);
        });
      });
    await using server = await listen({ lifecycle: { resolve } });
    using connection = await RawConnection.open(server.port);
    connection.send('GET /v1/sandboxes/x/endpoints/80 HTTP/1.1', HOST, `OPEN-SANDBOX-API-KEY: ${KEY}`);
    await delay(50);
    expect(ended).toBeUndefined();
    connection.socket.destroy();
    await vi.waitFor(() => expect(isFault(ended, 'cancelled')).toBe(true));
    await vi.waitFor(() =>
      expect(server.test.log.lines.at(-1)).toMatchObject({ event: 'http.request', fields: { status: 499 } }),
    );
  });

  it('does not end the creation it asked for', async () => {
    await using server = await listen({ engine: { imageMs: 1000 } });
    const request = httpRequest({
      port: server.port,
      method: 'POST',
      path: '/v1/sandboxes',
      headers: { ...AUTH, prefer: 'wait=60', 'content-type': 'application/json' },
    });
    request.on('error', () => undefined);
    request.end(JSON.stringify(CREATE));
    const list = () =>
      server.test.lifecycle.list({ states: undefined, metadata: {}, page: 1, pageSize: 10 }).items;
    await vi.waitFor(() => expect(list()).toHaveLength(1));
    request.destroy();
    await vi.waitFor(() => expect(server.test.log.count('http.request')).toBe(1));
    await server.test.clock.advance(1000);
    expect(list()[0]?.status.state).toBe('Running');
  });
});

describe('closing', () => {
  it('answers who waits, and lets nobody wait for the deadline', async () => {
    await using server = await listen({ engine: { imageMs: 1000 } });
    const id = await server.test.running();
    using connection = await RawConnection.open(server.port);
    connection.send(`GET /v1/sandboxes/${id}/endpoints/80 HTTP/1.1`, HOST, `OPEN-SANDBOX-API-KEY: ${KEY}`);
    await delay(50);
    const closeStartedAt = performance.now();
    await server.test.app.close();
    expect(performance.now() - closeStartedAt).toBeLessThan(5000);
    await connection.received(/The server is stopping\./);
    expect(connection.text).toMatch(/^HTTP\/1\.1 503 /);
  });

  it('tells a client that waits for its creation which sandbox it made', async () => {
    await using server = await listen({ engine: { imageMs: 1000 } });
    const pending = fetch(`http://127.0.0.1:${server.port}/v1/sandboxes`, {
      method: 'POST',
      headers: { ...AUTH, prefer: 'wait=60', 'content-type': 'application/json' },
      body: JSON.stringify(CREATE),
    });
    const query = { states: undefined, metadata: {}, page: 1, pageSize: 10 };
    await vi.waitFor(() => expect(server.test.lifecycle.list(query).totalItems).toBe(1));
    await delay(20);
    await server.test.app.close();
    const answer = await pending;
    expect(answer.status).toBe(202);
    expect(await answer.json()).toMatchObject({ status: { state: 'Pending' } });
  });

  it('cuts off what is still open at the deadline', async () => {
    const destroy: Lifecycle['destroy'] = () => new Promise(() => undefined);
    await using server = await listen({ lifecycle: { destroy }, options: { closeDeadlineMs: 100 } });
    using connection = await RawConnection.open(server.port);
    connection.send('DELETE /v1/sandboxes/x HTTP/1.1', HOST, `OPEN-SANDBOX-API-KEY: ${KEY}`);
    await delay(50);
    const closed = once(connection.socket, 'close');
    await server.test.app.close();
    await closed;
    expect(connection.text).toBe('');
  });
});
