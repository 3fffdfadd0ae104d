import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawPeer, RawService } from './support/raw-peer.ts';
import { TestProxy } from './support/test-proxy.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPTED = [
  'HTTP/1.1 101 Switching Protocols',
  'Upgrade: websocket',
  'Connection: Upgrade',
  `Sec-WebSocket-Accept: ${createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')}`,
];
const HELLO = '\x81\x05hello';
/** What a client sends: masked with nothing. */
const MASKED = '\x81\x82\0\0\0\0hi';
const patience = { timeout: 20_000 };

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

async function shaken(behind = ''): Promise<{ client: RawPeer; inside: RawPeer }> {
  const client = await RawPeer.open(proxy.port, true);
  client.send(
    [
      ...[
        'GET /ws%20x?a=%20+&b HTTP/1.1',
        'Host: h',
        'Connection: keep-alive, Upgrade',
        'Upgrade: websocket',
      ],
      ...[
        'Sec-WebSocket-Version: 13',
        `Sec-WebSocket-Key: ${KEY}`,
        'Sec-WebSocket-Protocol: a, b',
        '',
        behind,
      ],
    ].join('\r\n'),
  );
  const inside = await service.peer(service.peers.length);
  await inside.received(/\r\n\r\n/);
  return { client, inside };
}

async function opened(): Promise<{ client: RawPeer; inside: RawPeer }> {
  const both = await shaken();
  both.inside.head(...ACCEPTED);
  await both.client.received(/\r\n\r\n$/);
  return both;
}

/** What follows the head of the handshake. */
const framesOf = (peer: RawPeer): string => peer.text.slice(peer.text.indexOf('\r\n\r\n') + 4);

describe('a tunnel', () => {
  it('carries the handshake and then every byte, also those that were in a hurry', async () => {
    const { client, inside } = await shaken(MASKED);
    expect(inside.text).toMatch(/^GET \/ws%20x\?a=%20\+&b HTTP\/1\.1\r\n/);
    expect(inside.text).toMatch(/\r\nSec-WebSocket-Protocol: a, b\r\n/);
    inside.send(`${ACCEPTED.join('\r\n')}\r\nSec-WebSocket-Protocol: b\r\n\r\n${HELLO}`);
    await client.received(/Sec-WebSocket-Protocol: b\r\n\r\n\x81\x05hello$/);
    await inside.received(/\r\n\r\n\x81\x82\0\0\0\0hi$/);
    client.send(MASKED);
    await inside.received(/hi\x81\x82\0\0\0\0hi$/);
  });

  it('passes the goodbyes of both sides on as they are', async () => {
    const { client, inside } = await opened();
    inside.send('\x88\x05\x0f\xa1bye');
    await client.received(/\x88\x05\x0f\xa1bye$/);
    client.send('\x88\x85\0\0\0\0\x0f\xa1bye');
    await inside.received(/\x88\x85\0\0\0\0\x0f\xa1bye$/);
    inside.socket.end();
    await client.ended();
    client.socket.end();
    await expect.poll(() => proxy.tunnels, patience).toEqual([101]);
    expect(framesOf(client)).toBe('\x88\x05\x0f\xa1bye');
    expect(proxy.facts).toMatchObject([{ status: 101, upBytes: 11, downBytes: 7, isBroken: false }]);
  });

  it.each([
    ['an end', (inside: RawPeer) => void inside.socket.end()],
    ['a reset', (inside: RawPeer) => void inside.socket.resetAndDestroy()],
  ])('gives the client a close frame when the service goes without one, by %s', async (_how, leave) => {
    const { client, inside } = await opened();
    inside.send(HELLO);
    await client.received(/hello$/);
    leave(inside);
    await client.ended();
    expect(framesOf(client)).toBe(`${HELLO}\x88\x02\x03\xf3`);
    client.socket.end();
    await expect.poll(() => proxy.facts, patience).toMatchObject([{ isBroken: true }]);
  });

  it('gives nobody anything in the middle of a frame', async () => {
    const { client, inside } = await opened();
    inside.send('\x81\x05he');
    await client.received(/he$/);
    inside.socket.end();
    await client.ended();
    expect(framesOf(client)).toBe('\x81\x05he');
  });

  it('gives the service a close frame when the client goes without one', async () => {
    const { client, inside } = await opened();
    client.send(MASKED);
    await inside.received(/hi$/);
    client.socket.destroy();
    await inside.ended();
    expect(framesOf(inside)).toBe(`${MASKED}\x88\x82\0\0\0\0\x03\xe8`);
  });

  it('lets the service answer a client that sends no more', async () => {
    const { client, inside } = await opened();
    client.send('\x88\x82\0\0\0\0\x03\xe8');
    client.socket.end();
    await inside.ended();
    inside.send(`${HELLO}\x88\x02\x03\xe8`);
    inside.socket.end();
    await client.ended();
    expect(framesOf(client)).toBe(`${HELLO}\x88\x02\x03\xe8`);
  });

  it('ends for a client that said goodbye to a service that only hangs up', async () => {
    const { client, inside } = await opened();
    client.send('\x88\x82\0\0\0\0\x03\xe8');
    await inside.received(/\x03\xe8$/);
    inside.socket.end();
    await client.ended();
    expect(framesOf(client)).toBe('\x88\0');
  });

  it('waits for a client that does not read', async () => {
    const { client, inside } = await opened();
    client.socket.pause();
    const total = 60_000_000;
    inside.socket.write(
      Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 3, 0x93, 0x87, 0]), Buffer.alloc(total)]),
    );
    let last = -1;
    const stands = (): boolean => {
      const before = last;
      last = inside.socket.writableLength;
      return before === last;
    };
    await expect.poll(stands, { timeout: 20_000, interval: 500 }).toBe(true);
    expect(last).toBeGreaterThan(0);
    let got = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (chunk: string) => (got += chunk.length));
    client.socket.resume();
    await expect.poll(() => got, patience).toBe(total + 10);
  });
});

describe('a handshake', () => {
  it('that the service refuses is accepted and closed', async () => {
    const { client, inside } = await shaken();
    inside.head('HTTP/1.1 302 Found', 'Location: http://127.0.0.1:1/', 'Content-Length: 0');
    await client.ended();
    expect(client.text).toMatch(/^HTTP\/1\.1 101 /);
    expect(framesOf(client)).toBe('\x88\x02\x03\xf0');
    client.socket.end();
    await expect.poll(() => proxy.tunnels, patience).toEqual([101]);
  });

  it.each([
    ['by its length', 'Content-Length: 6\r\n\r\nno way', /\r\nContent-Length: 6\r\n[^]*\r\n\r\nno way$/],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n6\r\nno way\r\n0\r\n\r\n', /\r\n\r\nno way$/],
  ])('that the service refuses may be answered in its own words: %s', async (_how, answer, expected) => {
    proxy.tunnel = { refusal: 'relay' };
    const { client, inside } = await shaken();
    inside.send(`HTTP/1.1 403 Forbidden\r\nX-Why: 1\r\n${answer}`);
    await client.ended();
    expect(client.text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\nX-Why: 1\r\n/);
    expect(client.text).toMatch(expected);
    expect(client.text).toMatch(/\r\nConnection: close\r\n/);
    client.socket.end();
    await expect.poll(() => proxy.tunnels, patience).toEqual([403]);
  });

  it('whose refusal breaks off is reset: an end would be the end of the refusal', async () => {
    proxy.tunnel = { refusal: 'relay' };
    const { client, inside } = await shaken();
    inside.send('HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nno way\r\n');
    await client.received(/no way$/);
    inside.socket.end();
    await client.closed();
    expect(client.error?.code).toBe('ECONNRESET');
  });

  it('that finds nobody is accepted and closed with the reason', async () => {
    await service[Symbol.asyncDispose]();
    using client = await RawPeer.open(proxy.port);
    client.head(
      'GET / HTTP/1.1',
      'Host: h',
      'Connection: Upgrade',
      'Upgrade: websocket',
      `Sec-WebSocket-Key: ${KEY}`,
    );
    await client.ended();
    expect(framesOf(client)).toBe('\x88\x13\x03\xf3proxy.unreachable');
    service = await RawService.open();
  });

  it('ends at the service when the client leaves', async () => {
    const { client, inside } = await shaken();
    client.socket.destroy();
    await inside.ended();
    await expect.poll(() => proxy.tunnels, patience).toEqual([499]);
  });
});
