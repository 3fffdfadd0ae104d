import type { AddressInfo } from 'node:net';
import { systemClock } from '@opensandbox/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EchoBackend } from './support/echo-backend.ts';
import { RawConnection } from './support/raw-http.ts';
import { AUTH, type TestApp, openTestApp } from './support/test-app.ts';

let backend: EchoBackend;
let test: TestApp;
let url: string;
let port: number;
let accesses: string[];

beforeEach(async () => {
  accesses = [];
  backend = await EchoBackend.open();
  test = await openTestApp({
    httpClock: systemClock(),
    engine: { ports: { 44772: backend.port, 8080: backend.port } },
    lifecycle: { accessed: (id, source) => void accesses.push(`${source} ${id}`) },
  });
  await test.app.listen({ host: '127.0.0.1', port: 0 });
  port = (test.app.server.address() as AddressInfo).port;
  url = `http://127.0.0.1:${port}`;
});

afterEach(async () => {
  await test[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

describe('an access', () => {
  it('is every proxied request, whatever it is answered, and no call of the API', async () => {
    const id = await test.running();
    const statuses = [];
    for (const [path, method] of [
      [`/sandboxes/${id}/proxy/8080/x`, 'GET'],
      [`/v1/sandboxes/${id}/proxy/8080/x`, 'POST'],
      [`/v1/sandboxes/${id}/proxy/8080/a/%2e%2e/b`, 'GET'],
      ['/v1/sandboxes/nobody/proxy/8080', 'HEAD'],
    ] as const) {
      const answer = await fetch(`${url}${path}`, { method });
      await answer.arrayBuffer();
      statuses.push(answer.ok);
    }
    expect(statuses).toEqual([true, true, true, false]);
    await fetch(`${url}/v1/sandboxes/${id}`, { headers: AUTH });
    await fetch(`${url}/v1/sandboxes/${id}/endpoints/8080`, { headers: AUTH });
    const its = `server_proxy ${id}`;
    expect(accesses).toEqual([its, its, its, 'server_proxy nobody']);
  });

  it('is every WebSocket handshake, whatever it comes to', async () => {
    const id = await test.running();
    backend.server.on('upgrade', (_request, socket) => socket.destroy());
    for (const name of [id, 'nobody']) {
      using connection = await RawConnection.open(port);
      connection.send(
        `GET /v1/sandboxes/${name}/proxy/8080/ HTTP/1.1`,
        'Host: x',
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      );
      await connection.received(/\r\n\r\n/);
    }
    expect(accesses).toEqual([`server_proxy ${id}`, 'server_proxy nobody']);
  });

  it('is reported before the sandbox is looked for', async () => {
    const order: string[] = [];
    await using other = await openTestApp({
      httpClock: systemClock(),
      lifecycle: {
        accessed: () => void order.push('accessed'),
        visit: () => Promise.reject(new Error(order.push('looked for').toString())),
      },
    });
    await other.app.inject({ url: '/sandboxes/x/proxy/80' });
    expect(order).toEqual(['accessed', 'looked for']);
  });
});
