import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startAgent } from './support/agent-process.ts';
import type { AgentProcess } from './support/agent-process.ts';

const BIG_BYTES = 15 * 1024 * 1024;
const BIG_MESSAGES = 8;

let agent: AgentProcess;
let application: Server;
let base: string;
const closes: string[] = [];

/** Chooses `b` where it is offered; sends much when it is asked to; remembers how connections ended. */
beforeAll(async () => {
  agent = await startAgent();
  application = createServer();
  const sockets = new WebSocketServer({
    server: application,
    handleProtocols: (offered) => (offered.has('b') ? 'b' : false),
  });
  sockets.on('connection', (socket) => {
    socket.on('message', () => {
      for (let n = 0; n < BIG_MESSAGES; n += 1) socket.send(Buffer.alloc(BIG_BYTES, n));
    });
    socket.on('error', () => undefined); // told by its close
    socket.on('close', (code, reason) => closes.push(`${code} ${reason.toString()}`));
  });
  application.listen(0, '127.0.0.1');
  await once(application, 'listening');
  base = `${agent.url.replace('http', 'ws')}/proxy/${(application.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  application.closeAllConnections();
  application.close();
});

it.each([
  [['a', 'b'], 'b'],
  [['a', 'c'], ''],
])('a client that offers %j speaks what the application chose: %j', async (offered, chosen) => {
  const socket = new WebSocket(base, offered);
  const outcome = new Promise((resolve) => {
    socket.once('open', () => resolve(`speaks ${socket.protocol}`));
    socket.once('error', (error) => resolve(error.message));
  });
  expect(await outcome).toBe(chosen === '' ? 'Server sent no subprotocol' : `speaks ${chosen}`);
  socket.terminate();
});

it.each([
  [1000, ''],
  [3001, 'cli'],
])("a client's goodbye reaches the application: %i %s", async (code, reason) => {
  const before = closes.length;
  const socket = new WebSocket(base);
  await once(socket, 'open');
  socket.close(code, reason);
  await expect.poll(() => closes.slice(before), { timeout: 20_000 }).toContain(`${code} ${reason}`);
});

it('no message is lost on a client that stops reading for a while', async () => {
  const socket = new WebSocket(base);
  await once(socket, 'open');
  const seen: number[] = [];
  socket.on('message', (message: Buffer) =>
    seen.push(message.length === BIG_BYTES ? (message[0] ?? -1) : -1),
  );
  socket.send('everything');
  // Reads a little now and then: the agent has room again, but not for a whole message.
  for (let round = 0; round < 60; round += 1) {
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 25));
    socket.resume();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const all = Array.from({ length: BIG_MESSAGES }, (_, n) => n);
  await expect.poll(() => seen, { timeout: 60_000 }).toEqual(all);
  socket.terminate();
}, 90_000);
