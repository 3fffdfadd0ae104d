import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PATIENCE, type ProxyWorld, openProxyWorld } from './support/proxy-world.ts';
import { OK } from './support/raw-backend.ts';

let world: ProxyWorld;

beforeAll(async () => {
  world = await openProxyWorld();
});
beforeEach(() => {
  world.backend.connections.length = 0;
  world.backend.script = ({ socket }) => socket.end(OK);
});
afterAll(() => world[Symbol.asyncDispose]());

const EVENTS = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

describe('a proxied stream', () => {
  it('has its head before its first event, and every event when it is sent', async () => {
    world.backend.script = ({ socket }) => socket.write(EVENTS);
    using client = await world.connect();
    client.send(`GET ${world.target('/events')} HTTP/1.1`, 'Host: x');
    await client.received(/text\/event-stream[^]*\r\n\r\n/);
    for (let count = 1; count <= 4; count += 1) {
      // Each is sent only after the one before it came: whoever collects them never gets the second.
      world.backend.connections[0]?.socket.write(chunk(`data: ${count}\n\n`));
      await client.received(new RegExp(`data: ${count}\n\n`));
    }
    world.backend.connections[0]?.socket.end('0\r\n\r\n');
    await client.received(/\r\n0\r\n\r\n$/);
  });

  it.each([
    ['in chunks', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk('half')}`],
    ['in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf'],
    ['of a known length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
  ])('that breaks off %s does not look complete', async (_how, bytes) => {
    world.backend.script = ({ socket }) => socket.write(bytes);
    using client = await world.connect();
    client.send(`GET ${world.target('/')} HTTP/1.1`, 'Host: x');
    await client.received(/half/);
    world.backend.connections[0]?.socket.destroy();
    await client.closed();
    expect(client.text).not.toMatch(/0\r\n\r\n$/);
    expect(client.text).toMatch(/half(\r\n)?$/);
  });

  it('that nobody reads stops the service, and ends when the reader leaves', async () => {
    let sent = 0;
    let isClosed = false;
    const block = Buffer.alloc(256 * 1024, 'x');
    world.backend.script = ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
      const more = (): void => {
        while (!socket.destroyed && sent < 1_000_000_000) {
          sent += block.length;
          if (!socket.write(block)) return;
        }
      };
      socket.on('drain', more).on('close', () => (isClosed = true));
      more();
    };
    using client = await world.connect();
    client.socket.pause();
    client.send(`GET ${world.target('/')} HTTP/1.1`, 'Host: x');
    // It has stalled when nothing was sent between two looks that are far apart.
    let before = -1;
    const hasStalled = (): boolean => {
      const isSame = sent > 0 && sent === before;
      before = sent;
      return isSame;
    };
    await expect.poll(hasStalled, { ...PATIENCE, interval: 500 }).toBe(true);
    expect(sent).toBeLessThan(200_000_000);
    client.socket.destroy();
    await expect.poll(() => isClosed, PATIENCE).toBe(true);
  });

  it('does not keep others waiting, however many hang', async () => {
    world.backend.script = ({ socket, text }) =>
      text.includes('GET /hang') ? socket.write(EVENTS) : socket.end(OK);
    const hanging = await Promise.all(Array.from({ length: 150 }, () => world.connect()));
    for (const client of hanging) client.send(`GET ${world.target('/hang')} HTTP/1.1`, 'Host: x');
    await Promise.all(hanging.map((client) => client.received(/event-stream/)));
    expect(await world.ask(`GET ${world.target('/')} HTTP/1.1`)).toMatch(/^HTTP\/1\.1 200 /);
    for (const client of hanging) client.socket.destroy();
    await expect
      .poll(() => world.backend.connections.every(({ socket }) => socket.destroyed), PATIENCE)
      .toBe(true);
  });

  it('answers while the upload is still coming', async () => {
    world.backend.script = ({ socket }) =>
      socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig');
    using client = await world.connect();
    client.send(`POST ${world.target('/')} HTTP/1.1`, 'Host: x', 'Content-Length: 100000000');
    client.socket.write('a part');
    await client.received(/^HTTP\/1\.1 413 [^]*big$/);
  });
});
