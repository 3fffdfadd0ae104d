/**
 * A service that streams, counts and echoes; it runs inside sandboxes. Usage: streams.mjs PORT HOST
 */
import { createHash } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { WebSocketServer } from 'ws';
import { pattern, patternAt } from './pattern.ts';

const TICK_MS = 50;

/** What the service tells of itself at `/state`. */
export interface ServiceState {
  readonly pid: number;
  /** Streams that are being sent, and WebSockets. */
  readonly open: number;
  /** Bytes of floods that the kernel took. */
  readonly flooded: number;
  /** How WebSockets ended, one after another. */
  readonly closes: readonly string[];
}

let open = 0;
let flooded = 0;
const closes: string[] = [];
const unread: IncomingMessage[] = [];

type Answer = (response: ServerResponse, query: URLSearchParams, request: IncomingMessage) => unknown;

/** One piece now and one every tick, until the client leaves or `count` were sent. */
function tick(response: ServerResponse, count: number, piece: (n: number) => string): void {
  let sent = 0;
  const send = (): void => {
    response.write(piece(sent));
    sent += 1;
    if (sent < count) return;
    clearInterval(timer);
    response.end();
  };
  const timer = setInterval(send, TICK_MS);
  response.once('close', () => clearInterval(timer));
  send();
}

const ROUTES: Readonly<Record<string, Answer>> = {
  '/state'(response) {
    const state: ServiceState = { pid: process.pid, open, flooded, closes };
    response.end(JSON.stringify(state));
  },
  '/chunked': (response) => tick(response, Infinity, (n) => `piece ${n}\n`),
  '/length'(response) {
    response.setHeader('Content-Length', 10_000_000);
    tick(response, Infinity, (n) => `piece ${n}\n`);
  },
  '/events'(response, query) {
    response.setHeader('Content-Type', 'text/event-stream');
    tick(response, Number(query.get('count') ?? Infinity), (n) => `id: ${n}\ndata: tick ${n}\n\n`);
  },
  '/quiet-events'(response, query) {
    response.setHeader('Content-Type', 'text/event-stream');
    response.write('data: before\n\n');
    const timer = setTimeout(() => response.end('data: after\n\n'), Number(query.get('seconds')) * 1000);
    response.once('close', () => clearTimeout(timer));
  },
  /** Never answers. */
  '/quiet': () => undefined,
  '/blob': sendBlob,
  async '/sum'(response, _query, request) {
    response.end(JSON.stringify(await sumOf(request)));
  },
  '/flood'(response) {
    const send = (at: number): void => {
      if (response.destroyed) return;
      const piece = patternAt(at, Infinity);
      response.write(piece, (error) => {
        if (error !== null && error !== undefined) return;
        flooded += piece.length;
        send(at + piece.length);
      });
    };
    send(0);
  },
  '/unread': (_response, _query, request) => void unread.push(request),
  async '/read-on'(response) {
    const waiting = unread.pop();
    response.end(JSON.stringify(waiting === undefined ? {} : await sumOf(waiting)));
  },
  '/early'(response) {
    response.statusCode = 413;
    response.end('too much');
  },
};

/** Part of a file, or all of it. */
function sendBlob(response: ServerResponse, query: URLSearchParams, request: IncomingMessage): unknown {
  const size = Number(query.get('bytes'));
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
  const from = range === null ? 0 : Number(range[1]);
  const end = range === null ? size : Number(range[2]) + 1;
  response.statusCode = range === null ? 200 : 206;
  if (range !== null) response.setHeader('Content-Range', `bytes ${from}-${end - 1}/${size}`);
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('Content-Length', end - from);
  return pipeline(Readable.from(pattern(from, end)), response);
}

async function sumOf(request: IncomingMessage): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://service');
  const answer = ROUTES[url.pathname];
  if (answer === undefined) {
    response.statusCode = 404;
    response.end('no such route');
    return;
  }
  open += 1;
  response.once('close', () => (open -= 1));
  Promise.resolve(answer(response, url.searchParams, request)).catch(() => response.destroy());
});
server.requestTimeout = 0;

const sockets = new WebSocketServer({
  server,
  perMessageDeflate: { threshold: 64 },
  maxPayload: 64 * 1024 * 1024,
  handleProtocols: (offered) => (offered.has('b') ? 'b' : false),
});
sockets.on('connection', (socket) => {
  open += 1;
  socket.on('message', (message: Buffer, isBinary) => {
    const [what, code, reason] = isBinary ? [] : message.toString().split(':');
    if (what === 'close') socket.close(Number(code), reason);
    else socket.send(message, { binary: isBinary });
  });
  socket.on('error', () => undefined); // told by its close
  socket.on('close', (code, reason) => {
    open -= 1;
    closes.push(`${code} ${reason.toString()}`);
  });
});

server.listen(Number(process.argv[2]), process.argv[3]);
