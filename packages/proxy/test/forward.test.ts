import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawPeer, RawService } from './support/raw-peer.ts';
import { TestProxy } from './support/test-proxy.ts';

let service: RawService;
let proxy: TestProxy;

beforeEach(async () => {
  service = await RawService.open();
  proxy = await TestProxy.open(service);
});

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
});

const patience = { timeout: 20_000 };
const OK = ['HTTP/1.1 200 OK', 'Content-Length: 2', '', 'ok'].join('\r\n');

describe('a request', () => {
  it('reaches the service as it was sent: target, repeated headers and their bytes', async () => {
    using client = await RawPeer.open(proxy.port);
    client.head('GET //a%2Fb/?x=%2F&flag&a=1 HTTP/1.1', 'Host: h', 'X-Dup: 1', 'X-Name: \xe9', 'x-dup: 2');
    const inside = await service.peer(0);
    await inside.received(/\r\n\r\n$/);
    expect(inside.text.split('\r\n')).toEqual([
      'GET //a%2Fb/?x=%2F&flag&a=1 HTTP/1.1',
      `Host: 127.0.0.1:${service.port}`,
      'Connection: keep-alive',
      'X-Dup: 1',
      'X-Name: \xe9',
      'x-dup: 2',
      '',
      '',
    ]);
    inside.send(OK);
    await client.received(/\r\n\r\nok$/);
    expect(client.text).toMatch(/\r\nx-own: 1\r\n/);
  });

  it.each(['GET', 'DELETE', 'OPTIONS', 'PUT', 'PROPFIND'])('may be a %s with a body', async (method) => {
    using client = await RawPeer.open(proxy.port);
    client.head(`${method} / HTTP/1.1`, 'Host: h', 'Content-Length: 3');
    const inside = await service.peer(0);
    await inside.received(/Content-Length: 3\r\n/);
    expect(inside.text).not.toMatch(/transfer-encoding/i);
    client.send('a');
    await inside.received(/\r\n\r\na$/);
    client.send('bc');
    await inside.received(/\r\n\r\nabc$/);
    inside.send(OK);
    await client.received(/ok$/);
    await expect
      .poll(() => proxy.facts, patience)
      .toMatchObject([{ status: 200, upBytes: 3, downBytes: 2, isBroken: false }]);
  });

  it('has no framing where there is no body', async () => {
    using client = await RawPeer.open(proxy.port);
    client.head('POST / HTTP/1.1', 'Host: h');
    const inside = await service.peer(0);
    await inside.received(/\r\n\r\n$/);
    expect(inside.text).not.toMatch(/transfer-encoding|content-length/i);
    inside.send(OK);
    await client.received(/ok$/);
  });

  it('in chunks is framed anew, piece by piece, with its trailers', async () => {
    using client = await RawPeer.open(proxy.port);
    client.head('POST / HTTP/1.1', 'Host: h', 'Transfer-Encoding: chunked', 'Trailer: X-Sum');
    client.send('3;ext=1\r\nabc\r\n');
    const inside = await service.peer(0);
    await inside.received(/\r\n\r\n3\r\nabc\r\n$/);
    expect(inside.text.match(/transfer-encoding: chunked\r\n/gi)).toHaveLength(1);
    client.send('0001\r\nd\r\n0\r\nX-Sum: 7\r\nCookie: a=b\r\n\r\n');
    await inside.received(/\r\n1\r\nd\r\n0\r\nX-Sum: 7\r\n\r\n$/);
    inside.send(OK);
    await client.received(/ok$/);
  });

  it('that waits for leave to send gets it once the service is there, and the service is not asked', async () => {
    using client = await RawPeer.open(proxy.port);
    client.head('PUT / HTTP/1.1', 'Host: h', 'Content-Length: 2', 'Expect: 100-continue');
    await client.received(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    const inside = await service.peer(0);
    await inside.received(/\r\n\r\n$/);
    expect(inside.text).not.toMatch(/expect/i);
    client.send('ab');
    await inside.received(/ab$/);
    inside.send('HTTP/1.1 100 Continue\r\n\r\n');
    inside.send(OK);
    await client.received(/200 OK[^]*ok$/);
    expect(client.text.match(/100 Continue/g)).toHaveLength(1);
  });

  it('that waits for leave to send is refused without it when nobody listens', async () => {
    await service[Symbol.asyncDispose]();
    using client = await RawPeer.open(proxy.port);
    client.head('PUT / HTTP/1.1', 'Host: h', 'Content-Length: 2', 'Expect: 100-continue');
    await client.received(/^HTTP\/1\.1 502 /);
    await client.closed();
    service = await RawService.open();
  });

  it('ends at the service when the client leaves, before and within the answer', async () => {
    for (const begin of ['', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin']) {
      const client = await RawPeer.open(proxy.port);
      client.head('GET / HTTP/1.1', 'Host: h');
      const inside = await service.peer(service.peers.length === 0 ? 0 : 1);
      await inside.received(/\r\n\r\n$/);
      inside.send(begin);
      if (begin !== '') await client.received(/begin$/);
      client.socket.destroy();
      await inside.ended();
    }
    await expect.poll(() => proxy.facts.map(({ isBroken }) => isBroken), patience).toEqual([true, true]);
  });

  it('waits when the service does not read, and the client with it', async () => {
    using client = await RawPeer.open(proxy.port);
    client.head('POST / HTTP/1.1', 'Host: h', 'Content-Length: 200000000');
    const inside = await service.peer(0);
    await inside.received(/\r\n\r\n/);
    inside.socket.pause();
    let sent = 0;
    const piece = Buffer.alloc(1_000_000, 'x');
    while (sent < 200_000_000 && client.socket.write(piece)) sent += piece.length;
    for (let stalled = 0; stalled < 3;) {
      const before = client.socket.bytesWritten - client.socket.writableLength;
      if (client.socket.writableLength < 1_000_000 && sent < 200_000_000) {
        client.socket.write(piece);
        sent += piece.length;
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      const after = client.socket.bytesWritten - client.socket.writableLength;
      stalled = after === before ? stalled + 1 : 0;
    }
    expect(sent).toBeLessThan(100_000_000);
  });
});

describe('a request whose service goes away while it waits', () => {
  it('is read to its end, so that its answer and the next request do not wait behind it', async () => {
    using client = await RawPeer.open(proxy.port);
    const total = 40_000_000;
    client.head('POST / HTTP/1.1', 'Host: h', `Content-Length: ${total}`);
    const inside = await service.peer(0);
    await inside.received(/\r\n\r\n/);
    inside.socket.pause();
    client.socket.write(Buffer.alloc(total, 'x'));
    let last = -1;
    const stands = (): boolean => {
      const before = last;
      last = client.socket.writableLength;
      return last === before;
    };
    await expect.poll(stands, { timeout: 20_000, interval: 500 }).toBe(true);
    inside.socket.resetAndDestroy();
    await client.received(/^HTTP\/1\.1 502 /);
    client.head('GET /next HTTP/1.1', 'Host: h');
    await (await service.peer(1)).received(/^GET \/next /);
  });
});

describe('a request that two readers could understand in two ways', () => {
  it.each([
    ['both framings', ['Content-Length: 3', 'Transfer-Encoding: chunked']],
    ['two lengths', ['Content-Length: 3', 'Content-Length: 4']],
    ['a length with a sign', ['Content-Length: +3']],
    ['a length that is a list', ['Content-Length: 3, 3']],
    ['an unknown coding', ['Transfer-Encoding: xchunked']],
    ['a coding behind the chunks', ['Transfer-Encoding: chunked, identity']],
    ['two codings', ['Transfer-Encoding: gzip, chunked']],
    ['a coding twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    ['a coding with a control character', ['Transfer-Encoding: \x0bchunked']],
    ['a space behind a name', ['Transfer-Encoding : chunked']],
    ['a folded header', ['X: 1', ' Transfer-Encoding: chunked']],
    ['an odd name', ['X(y): 1']],
    ['a zero byte', ['X: a\0b']],
    ['a bare carriage return', ['X: a\rTransfer-Encoding: chunked']],
  ])('is refused and its connection closed: %s', async (_what, headers) => {
    using client = await RawPeer.open(proxy.port);
    client.head('POST / HTTP/1.1', 'Host: h', ...headers);
    client.send('0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n');
    await client.closed();
    expect(client.text).toMatch(/^HTTP\/1\.1 400 /);
    expect(client.text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(service.peers).toEqual([]);
  });

  it.each(['/a\x80b', '/a\x01b'])('is refused with the target %j', async (target) => {
    using client = await RawPeer.open(proxy.port);
    client.head(`GET ${target} HTTP/1.1`, 'Host: h');
    await client.closed();
    expect(client.text).toMatch(/^HTTP\/1\.1 400 /);
    expect(service.peers).toEqual([]);
  });

  it.each(['x\r\n', '1 \r\na\r\n', '1;a\rb\r\na\r\n', '1\na\r\n', 'fffffffffffffffff\r\n', '1\r\nab\r\n'])(
    'is cut off in the middle of its chunks: %j',
    async (chunk) => {
      using client = await RawPeer.open(proxy.port);
      client.head('POST / HTTP/1.1', 'Host: h', 'Transfer-Encoding: chunked');
      const inside = await service.peer(0);
      await inside.received(/\r\n\r\n/);
      client.send(`2\r\nab\r\n${chunk}0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n`);
      await inside.ended();
      expect(inside.text).not.toMatch(/smuggled|\r\n0\r\n/);
      await client.closed();
    },
  );
});
