import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { IncomingMessage } from 'node:http';
import { RawClient } from './support/raw-client.ts';
import { Service } from './support/service.ts';
import { KEYS, TestGateway } from './support/test-gateway.ts';

const TOKEN = 'a-token';

describe('a WebSocket through the gateway', () => {
  let backend: WebSocketServer;
  let gateway: TestGateway;
  let port = 0;
  let handshakes: IncomingMessage[] = [];
  const clients: WebSocket[] = [];

  beforeAll(async () => {
    backend = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true });
    await once(backend, 'listening');
    port = (backend.address() as AddressInfo).port;
    backend.on('connection', (socket, request) => {
      handshakes.push(request);
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    gateway = await TestGateway.open({ sandboxes: { ok: {}, safe: { accessToken: TOKEN } } });
  });

  afterEach(() => {
    for (const client of clients.splice(0)) client.terminate();
    handshakes = [];
  });

  afterAll(async () => {
    for (const client of backend.clients) client.terminate();
    backend.close();
    await gateway[Symbol.asyncDispose]();
  });

  function open(route: string, headers: Readonly<Record<string, string>> = {}): WebSocket {
    const client = new WebSocket(`ws://127.0.0.1:${gateway.port}/chat?a=1&b=%20x+y&c`, ['one', 'two'], {
      headers: { 'OpenSandbox-Ingress-To': route, ...headers },
    });
    client.on('error', () => undefined);
    clients.push(client);
    return client;
  }

  it('carries messages, the subprotocol, the query and all headers', async () => {
    gateway.visits.length = 0;
    const client = open(`ok-${port}`, {
      Authorization: 'Bearer app',
      Cookie: 'a=1',
      'X-EXECD-ACCESS-TOKEN': 't',
      Origin: 'http://app',
    });
    await once(client, 'open');
    for (const message of ['text', Buffer.from([1, 2, 3]), '', 'x'.repeat(100_000)]) {
      client.send(message);
      const [data, isBinary] = (await once(client, 'message')) as [Buffer, boolean];
      expect(isBinary).toBe(typeof message !== 'string');
      expect(data.equals(Buffer.from(message))).toBe(true);
    }
    expect(client.protocol).toBe('one');
    expect(client.extensions).toContain('permessage-deflate');
    const [seen] = handshakes;
    expect(seen?.url).toBe('/chat?a=1&b=%20x+y&c');
    expect(seen?.headers).toMatchObject({
      authorization: 'Bearer app',
      cookie: 'a=1',
      'x-execd-access-token': 't',
      origin: 'http://app',
      'x-forwarded-for': '127.0.0.1',
    });
    expect(seen?.headers).not.toHaveProperty('opensandbox-ingress-to');
    expect(gateway.visits).toEqual([{ sandboxId: 'ok', port }]);
    client.close(4001, 'bye');
    const [code, reason] = (await once(client, 'close')) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4001, 'bye']);
  });

  it.each([
    ['Connection: keep-alive, Upgrade', 'Upgrade: websocket'],
    ['Connection: upgrade', 'Upgrade: WebSocket'],
  ])('opens with "%s" and "%s"', async (...headers) => {
    using client = await RawClient.open(gateway.port);
    client.send(
      'GET / HTTP/1.1',
      `Host: ok-${port}.x`,
      ...headers,
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      'X-EXECD-ACCESS-TOKEN: t',
    );
    await client.received(/^HTTP\/1\.1 101 [^]*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
    expect(handshakes[0]?.headers['x-execd-access-token']).toBe('t');
  });

  it.each<[string, () => string, Record<string, string>, number]>([
    ['a sandbox that is not there', () => `missing-${port}`, {}, 404],
    ['a secured sandbox without a credential', () => `safe-${port}`, {}, 401],
    ['a wrong token', () => `safe-${port}`, { 'OpenSandbox-Secure-Access': 'wrong' }, 401],
    ['a port where nothing listens', () => 'ok-1', {}, 502],
    ['no route', () => 'nothing', {}, 400],
  ])('is answered as HTTP for %s', async (_what, route, headers, status) => {
    const client = open(route(), headers);
    const [, answer] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(answer.statusCode).toBe(status);
    let body = '';
    for await (const chunk of answer) body += String(chunk);
    expect(body).toMatch(/^OpenSandbox Ingress: .+\n$/);
  });

  it('opens a secured sandbox by token or signature', async () => {
    await once(open(`safe-${port}`, { 'OpenSandbox-Secure-Access': TOKEN }), 'open');
    expect(handshakes[0]?.headers).not.toHaveProperty('opensandbox-secure-access');
    const proof = KEYS.sign('a', { sandboxId: 'safe', port }, { expires: 4_102_444_800n });
    await once(open(`safe-${port}-${proof.expiry}-${proof.signature}`), 'open');
  });

  it('gives the refusal of the service as it is', async () => {
    await using service = await Service.open();
    service.server.on('upgrade', (_request, socket) => {
      socket.end(
        'HTTP/1.1 403 Not You\r\nX-Why: because\r\nContent-Length: 7\r\nConnection: close\r\n\r\nrefused',
      );
    });
    using client = await RawClient.open(gateway.port);
    const handshake = ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13'];
    client.send('GET / HTTP/1.1', `Host: ok-${service.port}.x`, ...handshake, 'Sec-WebSocket-Key: x');
    await client.received(/^HTTP\/1\.1 403 [^]*x-why: because[^]*\r\n\r\nrefused/i);
    await client.closed();
  });

  it('never shows a close code that is reserved when the service goes away', async () => {
    await using service = await Service.open();
    const dying = new WebSocketServer({ noServer: true });
    dying.on('connection', (socket) => {
      socket.send('here');
      socket.once('message', () => socket.terminate());
    });
    service.server.on('upgrade', (request, socket, head) =>
      dying.handleUpgrade(request, socket, head, (accepted) => dying.emit('connection', accepted, request)),
    );
    using client = await RawClient.open(gateway.port);
    client.send(
      'GET / HTTP/1.1',
      `Host: ok-${service.port}.x`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    );
    await client.received(/here$/);
    client.text = '';
    // An empty message, which is the sign to go.
    client.socket.write(Buffer.from([0x81, 0x80, 0, 0, 0, 0]));
    await client.closed();
    const frame = Buffer.from(client.text, 'latin1');
    const code = frame[0] === 0x88 && frame.length >= 4 ? frame.readUInt16BE(2) : undefined;
    expect([undefined, 1011]).toContain(code);
  });

  it('takes any other upgrade for a plain request', async () => {
    await using service = await Service.open();
    using client = await RawClient.open(gateway.port);
    client.send('GET /h2 HTTP/1.1', `Host: ok-${service.port}.x`, 'Connection: Upgrade', 'Upgrade: h2c');
    await client.received(/^HTTP\/1\.1 200 [^]*ok/);
    expect(service.seen.at(-1)?.target).toBe('/h2');
    expect(service.values('upgrade')).toEqual([]);
  });

  it('goes on while the gateway stops, which ends with it', async () => {
    await using stopping = await TestGateway.open({ sandboxes: { ok: {} } });
    const client = await opened(stopping);
    const closed = stopping.close(3_600_000);
    client.send('still');
    const [data] = (await once(client, 'message')) as [Buffer];
    expect(data.toString()).toBe('still');
    client.close();
    await closed;
  });

  it('is cut off when the time to stop is over', async () => {
    await using stopping = await TestGateway.open({ sandboxes: { ok: {} } });
    const ended = once(await opened(stopping), 'close');
    await stopping.close(0);
    await ended;
  });

  async function opened(through: TestGateway): Promise<WebSocket> {
    const client = new WebSocket(`ws://127.0.0.1:${through.port}/`, {
      headers: { 'OpenSandbox-Ingress-To': `ok-${port}` },
    });
    client.on('error', () => undefined);
    clients.push(client);
    await once(client, 'open');
    return client;
  }
});
