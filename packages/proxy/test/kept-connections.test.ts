import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawPeer, RawService } from './support/raw-peer.ts';
import { TestProxy } from './support/test-proxy.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

let service: RawService;
let proxy: TestProxy;

beforeEach(async () => {
  service = await RawService.open();
  proxy = await TestProxy.open(service, { idleMs: 60_000, freshMs: 60_000 });
});

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
});

/** One request over a connection of its own, answered by the service's connection with this number. */
async function once(number: number, answer = OK, method = 'GET'): Promise<RawPeer> {
  using client = await RawPeer.open(proxy.port);
  client.head(`${method} /${Math.random()} HTTP/1.1`, 'Host: h');
  const inside = await service.peer(number);
  await inside.received(/\r\n\r\n$/);
  inside.text = '';
  inside.send(answer);
  await client.received(/ok$/);
  return inside;
}

describe('a connection to a service', () => {
  it('is used again by whoever asks the same sandbox', async () => {
    await once(0);
    await once(0);
    await once(0, OK, 'DELETE');
    expect(service.peers).toHaveLength(1);
  });

  it('is never used for another sandbox at the same address', async () => {
    await once(0);
    proxy.name = 'port 80 of sandbox b';
    await once(1);
    proxy.name = 'port 80 of sandbox a';
    await once(0);
    expect(service.peers).toHaveLength(2);
  });

  it.each([
    ['says that it closes', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['speaks an old version', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['said more than it was asked', `${OK}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`],
  ])('is not used again where the service %s', async (_what, answer) => {
    const first = await once(0, answer.replace(/evil$/, 'evil')).catch(() => undefined);
    await (first ?? (await service.peer(0))).ended();
    await once(1);
  });

  it('goes when nobody uses it for a while', async () => {
    await proxy[Symbol.asyncDispose]();
    proxy = await TestProxy.open(service);
    const inside = await once(0);
    await inside.ended();
  });

  it('that dies under a question is replaced once, where asking again harms nobody', async () => {
    const first = await once(0);
    using client = await RawPeer.open(proxy.port);
    client.head('GET /again HTTP/1.1', 'Host: h');
    await first.received(/GET \/again/);
    first.socket.destroy();
    const second = await service.peer(1);
    await second.received(/GET \/again/);
    second.socket.destroy();
    await client.received(/^HTTP\/1\.1 502 /);
    expect(service.peers).toHaveLength(2);
  });

  it('that dies under a change is not replaced', async () => {
    const first = await once(0);
    using client = await RawPeer.open(proxy.port);
    client.head('POST /change HTTP/1.1', 'Host: h');
    await first.received(/POST \/change/);
    first.socket.destroy();
    await client.received(/^HTTP\/1\.1 502 /);
    expect(service.peers).toHaveLength(1);
  });

  it('is one of any number', async () => {
    const clients = await Promise.all(Array.from({ length: 300 }, () => RawPeer.open(proxy.port)));
    for (const client of clients) client.head('GET / HTTP/1.1', 'Host: h');
    await service.peer(299);
    using last = await RawPeer.open(proxy.port);
    last.head('GET /last HTTP/1.1', 'Host: h');
    const inside = await service.peer(300);
    await inside.received(/GET /);
    for (const peer of service.peers) peer.send(OK);
    await last.received(/ok$/);
    for (const client of clients) client.socket.destroy();
  });
});
