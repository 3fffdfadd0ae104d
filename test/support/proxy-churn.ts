import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { DIRECT, type ServicePort, type ServiceSandbox, THROUGH_AGENT } from './service-sandbox.ts';

const MIB = 1024 * 1024;
/** Longer than any step of a cycle takes on a busy machine. */
const STEP_MS = 60_000;
const SLOW_MS = 300;
/** Until everything between the service and a client that does not read is full. */
const STOPPED_MS = 1500;

/** Something that clients do. Throws when the answer is not the expected one. */
export interface Cycle {
  readonly name: string;
  readonly run: (services: ServiceSandbox, port: ServicePort) => Promise<void>;
}

/** Clients that come and go: politely, rudely and slowly. */
export const CYCLES: readonly Cycle[] = [
  { name: 'a WebSocket that says goodbye', run: politeSocket },
  { name: 'events up to their end', run: allEvents },
  { name: 'a WebSocket that is dropped', run: droppedSocket },
  { name: 'events that are left', run: leftEvents },
  { name: 'an upload that is given up', run: abandonedUpload },
  { name: 'a slow reader', run: slowReader },
  { name: 'a request that is given up before its answer', run: abandonedRequest },
  { name: 'a reader that stops and leaves', run: stoppedReader },
];

/** The cycle that is the `n`th; both ways into a sandbox take turns. */
export async function runCycle(services: ServiceSandbox, n: number): Promise<void> {
  const cycle = CYCLES[n % CYCLES.length];
  const port = Math.floor(n / CYCLES.length) % 2 === 0 ? DIRECT : THROUGH_AGENT;
  try {
    await cycle?.run(services, port);
  } catch (error) {
    throw new Error(`${cycle?.name} ${port.way}`, { cause: error });
  }
}

async function openSocket(services: ServiceSandbox, port: ServicePort): Promise<WebSocket> {
  const socket = new WebSocket(services.url(port, '/echo').replace('http', 'ws'));
  await once(socket, 'open', { signal: AbortSignal.timeout(STEP_MS) });
  for (const message of ['first', 'second '.repeat(100)]) {
    const echoed = once(socket, 'message', { signal: AbortSignal.timeout(STEP_MS) }) as Promise<[Buffer]>;
    socket.send(message);
    const [echo] = await echoed;
    if (echo.toString() !== message) throw new Error(`the echo of ${message} is ${echo.toString()}`);
  }
  return socket;
}

async function politeSocket(services: ServiceSandbox, port: ServicePort): Promise<void> {
  const socket = await openSocket(services, port);
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(STEP_MS) }) as Promise<[number]>;
  socket.close(1000);
  const [code] = await closed;
  if (code !== 1000) throw new Error(`the goodbye was answered with ${code}`);
}

async function droppedSocket(services: ServiceSandbox, port: ServicePort): Promise<void> {
  (await openSocket(services, port)).terminate();
}

interface Asked {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
}

/** A connection of its own, so that what the server keeps is the server's. */
async function ask(url: string): Promise<Asked> {
  const request = httpRequest(url, { agent: false });
  request.end();
  const [response] = (await once(request, 'response', { signal: AbortSignal.timeout(STEP_MS) })) as [
    IncomingMessage,
  ];
  request.on('error', () => undefined); // given up below, or told by the body
  if (response.statusCode !== 200) throw new Error(`answered with ${response.statusCode}`);
  return { request, response };
}

async function allEvents(services: ServiceSandbox, port: ServicePort): Promise<void> {
  const { response } = await ask(services.url(port, '/events?count=3'));
  let text = '';
  for await (const piece of response.setEncoding('utf8')) text += String(piece);
  if (!text.endsWith('data: tick 2\n\n')) throw new Error(`the events were ${text}`);
}

async function leftEvents(services: ServiceSandbox, port: ServicePort): Promise<void> {
  const { request, response } = await ask(services.url(port, '/events'));
  for (let n = 0; n < 2; n += 1) await once(response, 'data', { signal: AbortSignal.timeout(STEP_MS) });
  request.destroy();
}

async function abandonedUpload(services: ServiceSandbox, port: ServicePort): Promise<void> {
  const request = httpRequest(services.url(port, '/sum'), {
    method: 'POST',
    headers: { 'Content-Length': String(MIB) },
    agent: false,
  });
  request.on('error', () => undefined); // given up
  await new Promise((resolve) => request.write(Buffer.alloc(100_000), resolve));
  request.destroy();
}

async function slowReader(services: ServiceSandbox, port: ServicePort): Promise<void> {
  const bytes = 2 * MIB;
  const { response } = await ask(services.url(port, `/blob?bytes=${bytes}`));
  let seen = 0;
  for await (const piece of response) {
    const before = seen;
    seen += (piece as Buffer).length;
    if (Math.floor(before / MIB) < Math.floor(seen / MIB)) await pause(SLOW_MS);
  }
  if (seen !== bytes) throw new Error(`${seen} of ${bytes} bytes came`);
}

async function abandonedRequest(services: ServiceSandbox, port: ServicePort): Promise<void> {
  const request = httpRequest(services.url(port, '/quiet'), { agent: false });
  request.on('error', () => undefined); // given up
  await new Promise<void>((resolve) => request.end(resolve));
  await pause(20);
  request.destroy();
}

async function stoppedReader(services: ServiceSandbox, port: ServicePort): Promise<void> {
  const { request, response } = await ask(services.url(port, '/flood'));
  await once(response, 'data', { signal: AbortSignal.timeout(STEP_MS) });
  response.pause();
  await pause(STOPPED_MS);
  request.destroy();
}
