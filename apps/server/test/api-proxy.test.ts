import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { systemClock } from '@opensandbox/base';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EchoBackend } from './support/echo-backend.ts';
import { RawConnection } from './support/raw-http.ts';
import { KEY, type TestApp, openTestApp } from './support/test-app.ts';

let backend: EchoBackend;
let test: TestApp;
let port: number;
let id: string;

beforeEach(async () => {
  backend = await EchoBackend.open();
  test = await openTestApp({
    httpClock: systemClock(),
    engine: { ports: { 44772: backend.port, 8080: backend.port } },
  });
  await test.app.listen({ host: '127.0.0.1', port: 0 });
  port = (test.app.server.address() as AddressInfo).port;
  id = await test.running();
});

afterEach(async () => {
  await test[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Sends the target as it is written: `fetch` would tidy it up. */
async function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string | string[]>; body?: string } = {},
): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = options;
  const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

const proxied = (rest: string, version = '/v1', portInside = 8080): string =>
  `${version}/sandboxes/${id}/proxy/${portInside}${rest}`;

function json(answer: Answer): unknown {
  return JSON.parse(answer.body.toString('utf8'));
}

describe('a proxied request', () => {
  it.each([
    ['/echo', '/echo'],
    ['', '/'],
    ['/', '/'],
    ['//x//y/', '/x//y/'],
    ['/a%2Fb/%3Fq?x=%2F&flag&a=1&b=2&a=3&bad=%zz', '/a%2Fb/%3Fq?x=%2F&flag&a=1&b=2&a=3&bad=%zz'],
    ['?only=query', '/?only=query'],
  ])('asks for what was asked: %s', async (rest, target) => {
    for (const version of ['', '/v1']) {
      expect((await ask(proxied(rest, version))).status).toBe(200);
      expect(backend.seen.at(-1)?.target).toBe(target);
    }
  });

  it('goes through the agent to ports that are not published, and straight to the agent itself', async () => {
    await ask(proxied('/x?y=1', '/v1', 3000));
    expect(backend.seen.at(-1)?.target).toBe('/proxy/3000/x?y=1');
    await ask(proxied('/command', '/v1', 44772));
    expect(backend.seen.at(-1)?.target).toBe('/command');
  });

  it.each(['/../../command', '/a/%2e%2E/b', '/./x', '/a%2f..%2fb'])('may not climb: %s', async (rest) => {
    const answer = await ask(proxied(rest), { headers: { 'OPEN-SANDBOX-API-KEY': KEY } });
    expect(answer.status).toBe(400);
    expect(backend.seen).toEqual([]);
  });

  it('keeps names with two dots in them', async () => {
    const headers = { 'OPEN-SANDBOX-API-KEY': KEY };
    expect((await ask(proxied('/files/a..b'), { headers })).status).toBe(200);
    expect((await ask(proxied('/files/a..b'))).status).toBe(401);
  });

  it('carries no credentials of this server and nothing that belongs to the connection', async () => {
    await ask(proxied('/'), {
      headers: {
        'OPEN-SANDBOX-API-KEY': KEY,
        'OPEN-SANDBOX-CLIENT-IP': '10.1.2.3',
        authorization: 'Bearer x',
        cookie: 'a=b',
        connection: 'close, X-Hop',
        'x-hop': '1',
        'keep-alive': 'timeout=5',
        te: 'trailers',
        'proxy-authorization': 'Basic x',
        'proxy-connection': 'keep-alive',
        'x-trace': 't',
        'X-EXECD-ACCESS-TOKEN': 'token',
        'x-dup': ['1', '2'],
      },
    });
    const names = (backend.seen[0]?.rawHeaders ?? []).filter((_text, at) => at % 2 === 0);
    expect(names.map((name) => name.toLowerCase()).sort()).toEqual(
      [
        'connection',
        'host',
        'x-dup',
        'x-dup',
        'x-execd-access-token',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-proto',
        'x-request-id',
        'x-trace',
      ].sort(),
    );
    expect(backend.values('x-dup')).toEqual(['1', '2']);
    expect(backend.values('host')).toEqual([`127.0.0.1:${backend.port}`]);
  });

  it('says where it came from unless the client did', async () => {
    await ask(proxied('/'), { headers: { host: 'my.host' } });
    expect(backend.values('x-forwarded-host')).toEqual(['my.host']);
    expect(backend.values('x-forwarded-proto')).toEqual(['http']);
    expect(backend.values('x-forwarded-for')).toEqual(['127.0.0.1']);
    await ask(proxied('/'), { headers: { 'x-forwarded-for': '9.9.9.9', 'x-forwarded-proto': 'https' } });
    expect(backend.values('x-forwarded-for')).toEqual(['9.9.9.9']);
    expect(backend.values('x-forwarded-proto')).toEqual(['https']);
  });

  it.each([
    ['POST', 'hello'],
    ['DELETE', '{"a":1}'],
    ['PATCH', 'x'.repeat(5 * 1024 * 1024)],
  ])('carries the body of a %s', async (method, body) => {
    const headers = { 'content-length': String(body.length), 'content-type': ';;;' };
    await ask(proxied('/'), { method, headers, body });
    expect(backend.seen[0]).toMatchObject({ method, body });
    expect(backend.values('content-length')).toEqual([String(body.length)]);
    expect(backend.values('content-type')).toEqual([';;;']);
  });

  it('has a body exactly when its framing says so', async () => {
    await ask(proxied('/'), { headers: { 'content-length': '3' }, body: 'abc' });
    expect(backend.seen[0]).toMatchObject({ method: 'GET', body: 'abc' });
    await ask(proxied('/'), { method: 'POST' });
    expect(backend.seen[1]).toMatchObject({ method: 'POST', body: '' });
    expect(backend.values('transfer-encoding')).toEqual([]);
  });

  it('streams: pieces arrive one by one in both directions', async () => {
    backend.answer = (request, response) => request.pipe(response);
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      path: proxied('/'),
      method: 'POST',
      headers: { 'x-stream': '1' },
    });
    request.write('one');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const [first] = (await once(response, 'data')) as [Buffer];
    expect(first.toString()).toBe('one');
    request.write('two');
    const [second] = (await once(response, 'data')) as [Buffer];
    expect(second.toString()).toBe('two');
    request.end();
    await once(response, 'end');
  });

  it.each(['HEAD', 'OPTIONS'])('may be %s', async (method) => {
    expect((await ask(proxied('/'), { method })).status).toBe(200);
    expect(backend.seen[0]?.method).toBe(method);
  });
});

describe('a proxied answer', () => {
  it('comes back as it is, but for the request id', async () => {
    backend.answer = (_request, response) => {
      response.writeHead(302, [
        ...['Location', '/elsewhere', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'],
        ...['Connection', 'close, X-Foo', 'X-Foo', '1', 'X-Request-ID', 'theirs', 'Server', 'inner'],
      ]);
      response.end('moved');
    };
    const answer = await ask(proxied('/'), { headers: { 'x-request-id': 'mine' } });
    expect(answer.status).toBe(302);
    expect(answer.body.toString()).toBe('moved');
    expect(answer.headers).toMatchObject({
      location: '/elsewhere',
      'set-cookie': ['a=1', 'b=2'],
      'x-request-id': 'mine',
      server: 'inner',
    });
    expect(answer.headers).not.toHaveProperty('x-foo');
    expect(backend.seen).toHaveLength(1);
    await ask(proxied('/'));
    expect(backend.values('cookie')).toEqual([]);
  });

  it('is not unpacked', async () => {
    const packed = gzipSync('x'.repeat(1000));
    backend.answer = (_request, response) => response.setHeader('content-encoding', 'gzip').end(packed);
    const answer = await ask(proxied('/'));
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(answer.body.equals(packed)).toBe(true);
  });

  it('carries the CORS headers of this server', async () => {
    backend.answer = (_request, response) => {
      response.setHeader('access-control-allow-origin', 'https://inner');
      response.setHeader('access-control-allow-credentials', 'true');
      response.end();
    };
    const answer = await ask(proxied('/'), { headers: { origin: 'https://app' } });
    expect(answer.headers['access-control-allow-origin']).toBe('https://app');
    const plain = await ask(proxied('/'));
    expect(plain.headers['access-control-allow-origin']).toBe('https://inner');
  });

  it('that breaks off does not look complete', async () => {
    backend.answer = (_request, response) => {
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    };
    await expect(ask(proxied('/'))).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('may come before the whole body did, and ends the connection then', async () => {
    using connection = await RawConnection.open(port);
    connection.send(`POST ${proxied('/')} HTTP/1.1`, 'Host: x', 'X-Stream: 1', 'Content-Length: 1000');
    connection.socket.write('only a part of it');
    await connection.received(/ok/);
    await connection.closed();
    expect(connection.text).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('is abandoned when the client leaves', async () => {
    let closed = false;
    backend.answer = (_request, response) => {
      response.write('begin');
      response.on('close', () => (closed = true));
    };
    using connection = await RawConnection.open(port);
    connection.send(`GET ${proxied('/')} HTTP/1.1`, 'Host: x');
    await connection.received(/begin/);
    connection.socket.destroy();
    await vi.waitFor(() => expect(closed).toBe(true));
  });
});

describe('a proxied request that cannot be answered', () => {
  it('names the sandbox and nothing internal when nothing listens', async () => {
    const dead = backend.port;
    await backend[Symbol.asyncDispose]();
    const answer = await ask(proxied('/'));
    backend = await EchoBackend.open();
    expect(answer.status).toBe(502);
    expect(json(answer)).toEqual({
      code: 'GENERAL::UNKNOWN_ERROR',
      message: `Could not connect to the backend sandbox: nothing listens on port 8080 of sandbox ${id}.`,
    });
    expect(answer.body.toString()).not.toContain(String(dead));
  });

  it('says so when the service hangs up', async () => {
    backend.answer = (request) => request.socket.destroy();
    const answer = await ask(proxied('/'), { method: 'POST' });
    expect(answer.status).toBe(502);
    expect(json(answer)).toMatchObject({
      message: expect.stringMatching(/^An internal error occurred in the proxy: /) as string,
    });
    expect(backend.seen).toHaveLength(1);
  });

  it.each([
    ['a half handshake', { upgrade: 'WebSocket' }, 'GET'],
    ['the wrong method', { upgrade: 'websocket', connection: 'Upgrade' }, 'POST'],
  ])('refuses %s', async (_what, headers, method) => {
    const answer = await ask(proxied('/'), { method, headers });
    expect(answer.status).toBe(400);
    expect(json(answer)).toEqual({
      code: 'GENERAL::UNKNOWN_ERROR',
      message: 'Websocket upgrade is not supported yet',
    });
  });

  it('goes on without an upgrade that is none of ours', async () => {
    const headers = { upgrade: 'h2c', connection: 'Upgrade, HTTP2-Settings', 'http2-settings': 'AAMAAABk' };
    const answer = await ask(proxied('/x'), {
      method: 'POST',
      headers: { ...headers, 'content-length': '4' },
      body: 'body',
    });
    expect(answer.status).toBe(200);
    expect(backend.seen[0]).toMatchObject({ method: 'POST', target: '/x', body: 'body' });
    expect(backend.values('upgrade')).toEqual([]);
    expect(backend.values('http2-settings')).toEqual([]);
  });

  it.each([
    ['/v1/sandboxes/none/proxy/80/', 404, 'DOCKER::SANDBOX_NOT_FOUND'],
    ['/v1/sandboxes/none/proxy/0/', 400, 'DOCKER::INVALID_PORT'],
    ['/v1/sandboxes/none/proxy/70000/', 400, 'DOCKER::INVALID_PORT'],
    ['/v1/sandboxes/none/proxy/abc', 422, 'GENERAL::INVALID_REQUEST'],
  ])('answers %s with %i', async (path, status, code) => {
    const answer = await ask(path, { headers: { 'OPEN-SANDBOX-API-KEY': KEY } });
    expect(answer.status).toBe(status);
    expect(json(answer)).toMatchObject({ code });
  });
});

describe('a WebSocket', () => {
  const handshake = (path: string): string[] => [
    `GET ${path} HTTP/1.1`,
    'Host: my.host',
    'Connection: keep-alive, Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: a, b',
    'Origin: https://app',
    'Authorization: Bearer x',
  ];
  const ACCEPT = /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i;

  /** The code and reason of the close frame behind a handshake answer. */
  async function closeOf(connection: RawConnection): Promise<readonly [number, string]> {
    await connection.closed();
    expect(connection.text).toMatch(/^HTTP\/1\.1 101 /);
    expect(connection.text).toMatch(ACCEPT);
    const frame = Buffer.from(connection.text.slice(connection.text.indexOf('\r\n\r\n') + 4), 'latin1');
    expect(frame[0]).toBe(0x88);
    expect(frame[1]).toBe(frame.length - 2);
    return [frame.readUInt16BE(2), frame.subarray(4).toString('utf8')];
  }

  it('reaches the service without a key and carries bytes both ways', async () => {
    let seen: IncomingMessage | undefined;
    backend.server.on('upgrade', (request, socket) => {
      seen = request;
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: b\r\n\r\nhello',
      );
      socket.on('data', (chunk: Buffer) => socket.write(`<${chunk.toString()}>`));
    });
    using connection = await RawConnection.open(port);
    connection.send(...handshake(proxied('/ws%20x?a=1&b=%20x+y&c')));
    await connection.received(/Sec-WebSocket-Protocol: b\r\n\r\nhello/);
    connection.socket.write('ping');
    await connection.received(/<ping>/);
    expect(seen?.url).toBe('/ws%20x?a=1&b=%20x+y&c');
    expect(seen?.headers).toMatchObject({
      origin: 'https://app',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-protocol': 'a, b',
    });
    expect(seen?.headers).not.toHaveProperty('authorization');
    connection.socket.destroy();
    await vi.waitFor(() =>
      expect(test.log.lines.at(-1)).toMatchObject({
        event: 'http.request',
        fields: { method: 'GET', status: 101 },
      }),
    );
  });

  it('is accepted and closed with 1008 when the service refuses it or points elsewhere', async () => {
    let followed = false;
    backend.answer = () => (followed = true);
    backend.server.on('upgrade', (_request, socket) => {
      socket.end(
        `HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${backend.port}/\r\nContent-Length: 0\r\n\r\n`,
      );
    });
    using connection = await RawConnection.open(port);
    connection.send(...handshake(proxied('/')));
    expect(await closeOf(connection)).toEqual([1008, '']);
    expect(followed).toBe(false);
  });

  it('is accepted and closed with 1011 when nothing listens or the sandbox is unknown', async () => {
    using unknown = await RawConnection.open(port);
    unknown.send(...handshake('/sandboxes/none/proxy/80/'));
    expect(await closeOf(unknown)).toEqual([1011, 'DOCKER::SANDBOX_NOT_FOUND: Sandbox none not found.']);
    await backend[Symbol.asyncDispose]();
    using dead = await RawConnection.open(port);
    dead.send(...handshake(proxied('/')));
    expect(await closeOf(dead)).toEqual([1011, '']);
    backend = await EchoBackend.open();
  });

  it('lets go of a refused client that says goodbye in turn', async () => {
    const held = (): Promise<number> =>
      new Promise((resolve, reject) =>
        test.app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
      );
    const before = await held();
    using connection = await RawConnection.open(port);
    connection.send(...handshake('/sandboxes/none/proxy/80'));
    await connection.received(/\r\n\r\n./s);
    connection.socket.end(Buffer.from([0x88, 0x82, 1, 2, 3, 4, 0x02, 0xf3]));
    await connection.closed();
    await expect.poll(held).toBe(before);
  });

  it.each(['/v1/sandboxes', '/sandboxes/x/proxy/abc', '/'])('is refused at %s', async (path) => {
    using connection = await RawConnection.open(port);
    connection.send(...handshake(path));
    await connection.closed();
    expect(connection.text).toMatch(/^HTTP\/1\.1 403 /);
    expect(connection.text).toContain('"code":"GENERAL::FORBIDDEN"');
  });

  it('ends when the server closes', async () => {
    backend.server.on('upgrade', (_request, socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    });
    using connection = await RawConnection.open(port);
    connection.send(...handshake(proxied('/')));
    await connection.received(/\r\n\r\n/);
    await test.app.close();
    await connection.closed();
  });
});
