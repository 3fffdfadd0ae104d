import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { DIRECT, type ServiceSandbox, THROUGH_AGENT, openServiceSandbox } from './support/service-sandbox.ts';
import { pattern } from './support/services/pattern.ts';
import { until } from './support/wait.ts';

const MIB = 1024 * 1024;
/** Behind the contract's bounds: a message of this size passes in either direction. */
const BIG_MESSAGE = Buffer.concat([...pattern(0, 15 * MIB)]);

let services: ServiceSandbox;
const opened: WebSocket[] = [];

beforeAll(async () => {
  services = await openServiceSandbox();
  for (const port of [DIRECT, THROUGH_AGENT]) await services.start(port);
});

afterEach(() => {
  for (const socket of opened.splice(0)) socket.terminate();
});

afterAll(async () => {
  await services[Symbol.asyncDispose]();
});

describe.each([DIRECT, THROUGH_AGENT])('a WebSocket $way', (port) => {
  function dial(protocols: string[] = [], options: ClientOptions = {}): WebSocket {
    const socket = new WebSocket(services.url(port, '/echo').replace('http', 'ws'), protocols, {
      maxPayload: 64 * MIB,
      ...options,
    });
    socket.on('error', () => undefined); // told by its close
    opened.push(socket);
    return socket;
  }

  async function connect(...how: Parameters<typeof dial>): Promise<WebSocket> {
    const socket = dial(...how);
    await once(socket, 'open');
    return socket;
  }

  async function echoOf(socket: WebSocket, message: string | Buffer): Promise<string | Buffer> {
    const answered = once(socket, 'message') as Promise<[Buffer, boolean]>;
    socket.send(message);
    const [echo, isBinary] = await answered;
    return isBinary ? echo : echo.toString();
  }

  it.each([
    ['text', 'grüße'],
    ['empty text', ''],
    ['bytes', Buffer.from([0, 255, 1])],
    ['no bytes', Buffer.alloc(0)],
    ['many bytes', BIG_MESSAGE],
  ])('carries %s as what it is', async (_what, message) => {
    const echo = await echoOf(await connect(), message);
    expect(typeof echo).toBe(typeof message);
    expect(Buffer.compare(Buffer.from(echo), Buffer.from(message))).toBe(0);
  });

  it('keeps the order of a thousand messages', async () => {
    const socket = await connect();
    const echoes: string[] = [];
    socket.on('message', (message: Buffer) => echoes.push(message.toString()));
    const sent = Array.from({ length: 1000 }, (_, n) => `message ${n} ${'x'.repeat(n)}`);
    for (const message of sent) socket.send(message);
    await until('a thousand echoes', 30_000, async () => echoes.length === sent.length);
    expect(echoes).toEqual(sent);
  });

  it('joins the fragments of a message', async () => {
    const socket = await connect([], { perMessageDeflate: false });
    const answered = once(socket, 'message') as Promise<[Buffer]>;
    for (const [piece, fin] of [
      ['one ', false],
      ['two ', false],
      ['three', true],
    ] as const) {
      socket.send(piece, { fin });
    }
    expect((await answered)[0].toString()).toBe('one two three');
  });

  it('answers pings with their own payload, between messages', async () => {
    const socket = await connect();
    const pong = once(socket, 'pong') as Promise<[Buffer]>;
    socket.ping('are you there');
    expect((await pong)[0].toString()).toBe('are you there');
    expect(await echoOf(socket, 'after the ping')).toBe('after the ping');
  });

  it.each([
    [['a', 'b', 'c'], 'b'],
    [['a', 'c'], ''],
    [[], ''],
  ])('offers %j and speaks what the service chose', async (offered, chosen) => {
    // A service that chooses none of what is offered says nothing, which the client library takes for an error.
    const socket = dial(offered);
    const outcome = new Promise((resolve) => {
      socket.once('open', () => resolve(`speaks ${socket.protocol}`));
      socket.once('error', (error) => resolve(error.message));
    });
    const nothing = offered.length === 0 ? 'speaks ' : 'Server sent no subprotocol';
    expect(await outcome).toBe(chosen === '' ? nothing : `speaks ${chosen}`);
  });

  it.each([
    [1000, 'done'],
    [1011, ''],
    [4001, 'bye'],
  ])("passes the service's goodbye on: %i %s", async (code, reason) => {
    const socket = await connect();
    const closed = once(socket, 'close') as Promise<[number, Buffer]>;
    socket.send(`close:${code}:${reason}`);
    const [seen, why] = await closed;
    expect([seen, why.toString()]).toEqual([code, reason]);
  });

  it.each([
    [1000, ''],
    [3001, 'cli'],
  ])("passes the client's goodbye on: %i %s", async (code, reason) => {
    const socket = await connect();
    const mark = `${code} ${reason}`;
    const before = (await services.state(port)).closes.length;
    const closed = once(socket, 'close') as Promise<[number, Buffer]>;
    socket.close(code, reason);
    expect((await closed)[0]).toBe(code);
    await expect
      .poll(async () => (await services.state(port)).closes.slice(before), { timeout: 20_000 })
      .toContain(mark);
  });

  it('ends in the service when the client is gone without a word', async () => {
    const { open } = await services.state(port);
    const socket = await connect();
    await until('an open WebSocket', 20_000, async () => (await services.state(port)).open === open + 1);
    socket.terminate();
    await until('its end', 20_000, async () => (await services.state(port)).open === open);
  });

  it('loses no message of a client that reads late', async () => {
    const socket = await connect([], { perMessageDeflate: false });
    socket.pause();
    for (let n = 0; n < 8; n += 1) socket.send(BIG_MESSAGE);
    await until('a full connection', 20_000, async () => socket.bufferedAmount > 0);
    const received = new Promise<void>((resolve) => {
      let messages = 0;
      socket.on('message', (message: Buffer) => {
        messages += Number(Buffer.compare(message, BIG_MESSAGE) === 0);
        if (messages === 8) resolve();
      });
    });
    socket.resume();
    await received;
  });
});

describe('compression of a WebSocket', () => {
  it('is agreed on with the service where nobody stands in between', async () => {
    const url = services.url(DIRECT, '/echo').replace('http', 'ws');
    const socket = new WebSocket(url, { perMessageDeflate: { threshold: 0 } });
    opened.push(socket);
    await once(socket, 'open');
    expect(socket.extensions).toContain('permessage-deflate');
    const echo = once(socket, 'message') as Promise<[Buffer]>;
    socket.send('to be made small '.repeat(1000));
    expect((await echo)[0].toString()).toBe('to be made small '.repeat(1000));
  });
});
