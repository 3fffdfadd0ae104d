import { once } from 'node:events';
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '@opensandbox/base';
import { WebSocket, WebSocketServer } from 'ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PATIENCE } from './support/proxy-world.ts';
import { type TestApp, openTestApp } from './support/test-app.ts';

/** A service that echoes, and does as its path says. */
const service = createServer();
const sockets = new WebSocketServer({
  noServer: true,
  maxPayload: 64 * 1024 * 1024,
  handleProtocols: (offered) => (offered.has('b') ? 'b' : false),
});
const seen: IncomingMessage[] = [];
let elsewhere = 0;
let lastClose: readonly [number, string] | undefined;
let pings = 0;
let test: TestApp;
let base: string;

service.on('request', (_request, response) => {
  elsewhere += 1;
  response.end();
});
service.on('upgrade', (request, socket, head) => {
  seen.push(request);
  const path = request.url ?? '';
  if (path.startsWith('/refuse')) socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  else if (path.startsWith('/elsewhere')) {
    socket.end(
      `HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:${portOf()}/stolen\r\nContent-Length: 0\r\n\r\n`,
    );
  } else if (path.startsWith('/silent')) socket.destroy();
  else {
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on('close', (code, reason) => (lastClose = [code, reason.toString()]));
      client.on('ping', () => (pings += 1));
      client.on('message', (data: Buffer, isBinary) => {
        const text = isBinary ? '' : data.toString();
        if (text === 'close') client.close(4001, 'bye');
        else if (text === 'drop') socket.destroy();
        else if (text.startsWith('send ')) client.send(Buffer.alloc(Number(text.slice(5)), 'y'));
        else client.send(data, { binary: isBinary });
      });
    });
  }
});

const portOf = (): number => (service.address() as AddressInfo).port;

beforeAll(async () => {
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  test = await openTestApp({
    httpClock: systemClock(),
    engine: { ports: { 44772: 1, 8080: portOf() } },
  });
  await test.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = test.app.server.address() as AddressInfo;
  base = `ws://127.0.0.1:${port}/v1/sandboxes/${await test.running()}/proxy/8080`;
});
afterAll(async () => {
  await test[Symbol.asyncDispose]();
  for (const client of sockets.clients) client.terminate();
  service.closeAllConnections();
  service.close();
});

async function open(path: string, protocols: string[] = [], headers = {}): Promise<WebSocket> {
  const socket = new WebSocket(base + path, protocols, { headers, maxPayload: 64 * 1024 * 1024 });
  await once(socket, 'open');
  return socket;
}

async function closed(socket: WebSocket): Promise<readonly [number, string]> {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return [code, reason.toString()];
}

async function next(socket: WebSocket): Promise<readonly [Buffer, boolean]> {
  return (await once(socket, 'message')) as [Buffer, boolean];
}

describe('a proxied WebSocket', () => {
  it.each([
    [['a', 'b', 'c'], 'b'],
    [[], ''],
  ])('that offers %j speaks what the service picked: %j', async (offered, picked) => {
    const socket = await open('/', offered);
    expect(socket.protocol).toBe(picked);
    expect(seen.at(-1)?.headers['sec-websocket-protocol']).toBe(offered.length === 0 ? undefined : 'a,b,c');
    socket.terminate();
  });

  it('carries the query unchanged and the origin once, and no credentials', async () => {
    const headers = { Origin: 'https://app', Authorization: 'Bearer x', Cookie: 'a=b' };
    const socket = await open('/ws%20x?a=1&b=%20x+y&c', [], headers);
    const request = seen.at(-1);
    expect(request?.url).toBe('/ws%20x?a=1&b=%20x+y&c');
    expect(request?.rawHeaders.filter((text) => text.toLowerCase() === 'origin')).toHaveLength(1);
    expect(request?.headers.origin).toBe('https://app');
    expect(request?.headers).not.toHaveProperty('authorization');
    expect(request?.headers).not.toHaveProperty('cookie');
    socket.terminate();
  });

  it('carries text and bytes with their kind, empty ones and large ones', async () => {
    const socket = await open('/');
    for (const message of ['text ä', '', Buffer.from([0, 255]), Buffer.alloc(0)]) {
      socket.send(message);
      const [data, isBinary] = await next(socket);
      expect([data.toString('latin1'), isBinary]).toEqual([
        Buffer.from(message).toString('latin1'),
        typeof message !== 'string',
      ]);
    }
    socket.send('send 5242880');
    expect((await next(socket))[0]).toHaveLength(5 * 1024 * 1024);
    socket.send(Buffer.alloc(15 * 1024 * 1024, 'z'));
    expect((await next(socket))[0]).toHaveLength(15 * 1024 * 1024);
    socket.terminate();
  });

  it('carries pings to the service and its pongs back', async () => {
    const socket = await open('/');
    const before = pings;
    socket.ping('are you there');
    const [data] = (await once(socket, 'pong')) as [Buffer];
    expect(data.toString()).toBe('are you there');
    expect(pings).toBe(before + 1);
    socket.terminate();
  });

  it('carries code and reason of a close, from either side', async () => {
    const first = await open('/');
    first.send('close');
    expect(await closed(first)).toEqual([4001, 'bye']);
    const second = await open('/');
    lastClose = undefined;
    second.close(3001, 'cli');
    expect(await closed(second)).toEqual([3001, 'cli']);
    await expect.poll(() => lastClose, PATIENCE).toEqual([3001, 'cli']);
  });

  it.each([
    ['that the service refuses', '/refuse', [1008, '']],
    ['that the service sends elsewhere', '/elsewhere', [1008, '']],
    ['that the service does not answer', '/silent', [1011, '']],
  ])('%s is accepted and closed', async (_what, path, expected) => {
    const socket = await open(path);
    expect(await closed(socket)).toEqual(expected);
    expect(elsewhere).toBe(0);
    expect(seen.some(({ url }) => url === '/stolen')).toBe(false);
  });

  it('to an unknown sandbox is accepted and closed with a reason that fits', async () => {
    const id = `ä${'x'.repeat(200)}`;
    const socket = new WebSocket(base.replace(/sandboxes\/[^/]+/, `sandboxes/${encodeURIComponent(id)}`));
    const [code, reason] = await closed(socket);
    expect(code).toBe(1011);
    expect(reason).toMatch(/^DOCKER::SANDBOX_NOT_FOUND: Sandbox äx+$/);
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
  });

  it('that the service drops ends with an abnormal close, and does not hang', async () => {
    const socket = await open('/');
    socket.send('drop');
    expect([1006, 1011]).toContain((await closed(socket))[0]);
  });

  it('to a port that is no number is refused', async () => {
    const socket = new WebSocket(base.replace(/8080$/, 'abc'));
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(403);
    socket.on('error', () => undefined).terminate();
  });

  it('works below the short path, and is logged without what follows the port', async () => {
    const short = base.replace(/\/v1\/sandboxes\/([^/]+)\/proxy\//, '/route/$1/');
    const socket = new WebSocket(`${short}/secret-path?secret`);
    await once(socket, 'open');
    expect(seen.at(-1)?.url).toBe('/secret-path?secret');
    socket.terminate();
    const hidden = new WebSocket(`${base.replace(/proxy\/8080$/, 'proxy%2F8080%2F')}secret-path`);
    await once(hidden, 'open');
    hidden.terminate();
    const paths = (): unknown[] => test.log.lines.map(({ fields }) => fields['path']);
    await expect.poll(paths, PATIENCE).toContain(`${new URL(short).pathname}/…`);
    await expect.poll(paths, PATIENCE).toContain(`${new URL(base).pathname}/…`);
    expect(JSON.stringify(test.log.lines)).not.toContain('secret');
  });
});
