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

/** A client that asked, and the service that was asked. */
async function asked(...lines: readonly string[]): Promise<{ client: RawPeer; inside: RawPeer }> {
  const client = await RawPeer.open(proxy.port);
  const number = service.peers.length;
  client.head(...(lines.length === 0 ? ['GET / HTTP/1.1', 'Host: h'] : lines));
  const inside = await service.peer(number);
  await inside.received(/\r\n\r\n/);
  return { client, inside };
}

describe('an answer', () => {
  it('comes back as it is: headers, their bytes, and one date', async () => {
    const { client, inside } = await asked();
    inside.head(
      ...['HTTP/1.1 206 Partial', 'Date: then', 'Server: inner', 'Set-Cookie: a=1', 'Set-Cookie: b=2'],
      ...['Content-Range: bytes 0-1/9', 'X-Name: \xe9', 'Connection: X-Hop', 'X-Hop: 1', 'Content-Length: 2'],
    );
    inside.send('ab');
    await client.received(/\r\n\r\nab$/);
    const lines = client.text.split('\r\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'Set-Cookie: a=1',
        'Set-Cookie: b=2',
        'X-Name: \xe9',
        'Content-Range: bytes 0-1/9',
      ]),
    );
    expect(lines.filter((line) => /^(?:date|server|x-hop)/i.test(line))).toEqual([
      'Date: then',
      'Server: inner',
    ]);
  });

  it('streams: every piece comes when it is sent, with its trailers at the end', async () => {
    const { client, inside } = await asked();
    inside.head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Content-Type: text/event-stream');
    await client.received(/\r\n\r\n$/);
    inside.send('9\r\ndata: 1\n\n\r\n');
    await client.received(/\r\n\r\n9\r\ndata: 1\n\n\r\n$/);
    inside.send('9\r\ndata: 2\n\n\r\n0\r\nX-Sum: 2\r\nContent-Length: 1\r\n\r\n');
    await client.received(/data: 2\n\n\r\n0\r\nX-Sum: 2\r\n\r\n$/);
  });

  it.each([
    ['HEAD / HTTP/1.1', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', /Content-Length: 9\r\n/],
    ['GET / HTTP/1.1', 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', /ETag: "x"\r\n/],
    ['GET / HTTP/1.1', 'HTTP/1.1 204 No Content\r\n\r\n', /204 No Content/],
  ])('to %s may have no body', async (line, answer, expected) => {
    const { client, inside } = await asked(line, 'Host: h');
    inside.send(answer);
    await client.received(/\r\n\r\n$/);
    expect(client.text).toMatch(expected);
    client.head('GET /next HTTP/1.1', 'Host: h');
    await inside.received(/GET \/next/);
  });

  it('may end with its connection, for both versions of HTTP', async () => {
    for (const [version, expected] of [
      ['1.1', /\r\n3\r\nany\r\n0\r\n\r\n$/],
      ['1.0', /\r\n\r\nany$/],
    ] as const) {
      const { client, inside } = await asked(`GET / HTTP/${version}`, 'Host: h');
      inside.head('HTTP/1.0 200 OK');
      inside.send('any');
      inside.socket.end();
      await client.received(expected);
    }
  });

  it('may be announced by hints', async () => {
    const { client, inside } = await asked();
    inside.head('HTTP/1.1 103 Early Hints', 'Link: </a.css>; rel=preload');
    await client.received(/^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\n$/i);
    inside.head('HTTP/1.1 200 OK', 'Content-Length: 0');
    await client.received(/HTTP\/1\.1 200 OK\r\n/);
  });

  it('that comes before the whole request did is passed on, and what is left is not taken for a request', async () => {
    const { client, inside } = await asked('POST / HTTP/1.1', 'Host: h', 'Content-Length: 1000');
    client.send('part');
    inside.head('HTTP/1.1 413 Too Large', 'Content-Length: 2');
    inside.send('no');
    await client.received(/413 [^]*no$/);
    await inside.ended();
    client.send('x'.repeat(996));
    client.head('GET /next HTTP/1.1', 'Host: h');
    const next = await service.peer(1);
    await next.received(/^GET \/next /);
  });

  it('stalls when the client does not read, and arrives whole when it does', async () => {
    const { client, inside } = await asked();
    client.socket.pause();
    const total = 60_000_000;
    inside.head('HTTP/1.1 200 OK', `Content-Length: ${total}`);
    inside.socket.write(Buffer.alloc(total, 'x'));
    let last = -1;
    await expect
      .poll(
        () => {
          const now = inside.socket.writableLength;
          const stands = now === last;
          last = now;
          return stands;
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe(true);
    expect(last).toBeGreaterThan(0);
    let got = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: string) => (got += chunk.length));
    client.socket.resume();
    await expect.poll(() => got, patience).toBeGreaterThan(total);
    await expect.poll(() => proxy.facts, patience).toMatchObject([{ downBytes: total, isBroken: false }]);
  });
});

describe('an answer that breaks off', () => {
  it.each([
    ['by its length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', false],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', false],
    ['by a reset', 'HTTP/1.1 200 OK\r\n\r\nhalf', true],
  ])('does not look complete: %s', async (_how, text, isReset) => {
    const { client, inside } = await asked();
    inside.send(text);
    await client.received(/half/);
    if (text.includes('chunked')) inside.send('broken\r\n');
    if (isReset) inside.socket.resetAndDestroy();
    else inside.socket.end();
    await client.closed();
    expect(client.text).not.toMatch(/0\r\n\r\n$/);
    await expect.poll(() => proxy.facts, patience).toMatchObject([{ status: 200, isBroken: true }]);
  });

  it('is reset for a client to whom an end would be the end', async () => {
    const { client, inside } = await asked('GET / HTTP/1.0', 'Host: h');
    inside.head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
    inside.send('4\r\nhalf\r\n');
    await client.received(/half$/);
    inside.socket.end();
    await client.closed();
    expect(client.error?.code).toBe('ECONNRESET');
  });
});

describe('an answer that is shown with a head of somebody else', () => {
  const shown = (...rawHeaders: string[]) => {
    proxy.inspect = ({ status }) => ({ status, rawHeaders });
  };

  it('has the length that this head names', async () => {
    shown('Content-Length', '10', 'X-Whole', '1');
    const { client, inside } = await asked();
    inside.head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
    inside.send('a\r\n0123456789\r\n0\r\n\r\n');
    await client.received(/Content-Length: 10\r\nX-Whole: 1\r\n[^]*\r\n\r\n0123456789$/);
  });

  it.each([
    ['longer', 'a\r\n0123456789\r\n'],
    ['shorter', '3\r\n012\r\n0\r\n\r\n'],
  ])('is cut off when its body is %s', async (_what, body) => {
    shown('Content-Length', '5');
    const { client, inside } = await asked();
    inside.head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
    await client.received(/Content-Length: 5\r\n/);
    inside.send(body);
    await client.closed();
    expect(client.text).not.toMatch(/01234/);
    await expect.poll(() => proxy.facts, patience).toMatchObject([{ status: 200, isBroken: true }]);
  });

  it.each([['5', '10'], ['-1'], ['5, 5']])(
    'is none when no length can be read from %j',
    async (...lengths) => {
      shown(...lengths.flatMap((length) => ['Content-Length', length]));
      const { client, inside } = await asked('POST / HTTP/1.1', 'Host: h');
      inside.head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
      await client.received(/^HTTP\/1\.1 502 [^]*An internal error occurred in the proxy: /);
    },
  );
});

describe('no answer', () => {
  it.each([
    'HTTP/1.1 999 Odd\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
    'nonsense\r\n\r\n',
    '',
  ])('is a bad gateway: %j', async (text) => {
    const { client, inside } = await asked('POST / HTTP/1.1', 'Host: h');
    inside.send(text);
    if (text === '') inside.socket.end();
    await client.received(/^HTTP\/1\.1 502 [^]*An internal error occurred in the proxy: /);
    expect(service.peers).toHaveLength(1);
  });

  it('in time is a timeout, and so is no connection', async () => {
    await using slow = await TestProxy.open(service, { headersTimeoutMs: 100 });
    using client = await RawPeer.open(slow.port);
    client.head('GET / HTTP/1.1', 'Host: h');
    await client.received(/^HTTP\/1\.1 504 [^]*did not answer in time/);
    await (await service.peer(0)).ended();
  });

  it('in time is not waited for again where the connection was a kept one', async () => {
    await using slow = await TestProxy.open(service, { headersTimeoutMs: 5_000, idleMs: 60_000 });
    using client = await RawPeer.open(slow.port);
    client.head('GET /a HTTP/1.1', 'Host: h');
    const inside = await service.peer(0);
    await inside.received(/GET \/a /);
    inside.head('HTTP/1.1 204 No Content');
    await client.received(/204 No Content/);
    client.head('GET /b HTTP/1.1', 'Host: h');
    await client.received(/HTTP\/1\.1 504 [^]*did not answer in time/);
    expect(service.peers).toHaveLength(1);
  });

  it('is needed from a service that answers slowly once it has begun', async () => {
    await using slow = await TestProxy.open(service, { headersTimeoutMs: 100 });
    using client = await RawPeer.open(slow.port);
    client.head('GET / HTTP/1.1', 'Host: h');
    const inside = await service.peer(0);
    inside.head('HTTP/1.1 200 OK', 'Content-Type: text/event-stream', 'Transfer-Encoding: chunked');
    await client.received(/\r\n\r\n/);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    inside.send('2\r\nok\r\n0\r\n\r\n');
    await client.received(/ok\r\n0\r\n\r\n$/);
  });

  it('names nothing internal when nobody listens', async () => {
    const dead = service.port;
    await service[Symbol.asyncDispose]();
    using client = await RawPeer.open(proxy.port);
    service = await RawService.open();
    proxy.name = 'port 1 of sandbox x';
    client.head('GET / HTTP/1.1', 'Host: h');
    await client.received(/\r\n\r\n/);
    expect(client.text).not.toContain(String(dead));
  });
});
