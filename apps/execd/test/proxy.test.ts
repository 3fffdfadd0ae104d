import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgent } from './support/agent-process.ts';
import type { AgentProcess } from './support/agent-process.ts';
import { rawHttp } from './support/raw-http.ts';

let agent: AgentProcess;
let application: Server;
let port: number;
let base: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  agent = await startAgent();
  application = createServer((request, response) => answer(request, response));
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'second' });
  application.on('upgrade', (request, socket, head) => {
    if (request.url?.startsWith('/refused') === true) {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nX-Why: no\r\n\r\nnope');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.send(`hello ${request.url ?? ''}`);
      client.on('message', (data: Buffer, isBinary) => {
        if (data.toString() === 'bye') client.close(4321, 'as you wish');
        else client.send(data, { binary: isBinary });
      });
    });
  });
  application.listen(0, '127.0.0.1');
  await once(application, 'listening');
  port = (application.address() as AddressInfo).port;
  base = `${agent.url}/proxy/${port}`;
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  application.closeAllConnections();
  application.close();
});

function echo(request: IncomingMessage, response: ServerResponse): void {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    const { method, url, headers } = request;
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(pieces).toString() }));
  });
}

describe('the proxy', () => {
  it.each([
    ['/proxy/', 400, 'port is required'],
    ['/proxy/x/', 400, 'invalid port x'],
    ['/proxy/1/', 502, 'Bad Gateway'],
  ])('answers %s with %i', async (path, status, text) => {
    const response = await fetch(agent.url + path);
    expect([response.status, await response.text()]).toEqual([status, text]);
  });

  it.each([
    ['refused', () => 1],
    ['failed', () => port],
  ])('says that an answer is its own when the application gave none: %s', async (why, portOf) => {
    answer = (request) => void request.socket.destroy();
    const response = await fetch(`${agent.url}/proxy/${portOf()}/`);
    expect([response.status, response.headers.get('opensandbox-execd-proxy')]).toEqual([502, why]);
  });

  it('lets no application speak in its name', async () => {
    answer = (_request, response) => {
      response.writeHead(502, { 'OpenSandbox-Execd-Proxy': 'refused', 'X-Mine': '1' }).end('mine');
    };
    const response = await fetch(base);
    expect(await response.text()).toBe('mine');
    expect(response.headers.get('x-mine')).toBe('1');
    expect(response.headers.has('opensandbox-execd-proxy')).toBe(false);
  });

  it('finds an application that took the other address of localhost', async () => {
    const other = createServer((_request, response) => response.end('six')).listen(0, '::1');
    await once(other, 'listening');
    const response = await fetch(`${agent.url}/proxy/${(other.address() as AddressInfo).port}/`);
    expect(await response.text()).toBe('six');
    other.closeAllConnections();
    other.close();
  });

  it('passes method, raw path, query, headers and body on', async () => {
    answer = echo;
    const response = await fetch(`${base}/a%2Fb//c%20d?x=%2F&y`, {
      method: 'PATCH',
      headers: { 'X-Mine': '1', 'X-Forwarded-For': '9.9.9.9', 'X-EXECD-ACCESS-TOKEN': 'secret' },
      body: 'text',
    });
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    const seen = (await response.json()) as { headers: Record<string, string> };
    expect(seen).toMatchObject({ method: 'PATCH', url: '/a%2Fb//c%20d?x=%2F&y', body: 'text' });
    expect(seen.headers).toMatchObject({
      host: `127.0.0.1:${agent.port}`,
      'x-mine': '1',
      'x-forwarded-for': '9.9.9.9, 127.0.0.1',
      'x-forwarded-proto': 'http',
      'content-length': '4',
    });
    expect(seen.headers).not.toHaveProperty('x-execd-access-token');
  });

  it('asks for the root when there is no path', async () => {
    answer = echo;
    expect(await (await fetch(`${base}?q=1`)).json()).toMatchObject({ url: '/?q=1' });
  });

  it('passes statuses, redirects and empty answers through untouched', async () => {
    answer = (request, response) => {
      const status = Number(request.url?.slice(1));
      response.writeHead(status, { Location: '/elsewhere' }).end(status === 403 ? 'no' : undefined);
    };
    for (const status of [204, 302, 304, 403, 500]) {
      const response = await fetch(`${base}/${status}`, { redirect: 'manual' });
      expect([response.status, response.headers.get('location')]).toEqual([status, '/elsewhere']);
      expect(await response.text()).toBe(status === 403 ? 'no' : '');
    }
  });

  it('tells the length of what HEAD asks about', async () => {
    answer = (_request, response) => void response.writeHead(200, { 'Content-Length': '1234' }).end();
    const response = await fetch(`${base}/x`, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-length')]).toEqual([200, '1234']);
  });

  it('streams an answer while it is made', async () => {
    let finish: () => void = () => undefined;
    answer = (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
      finish = () => void response.end('data: 2\n\n');
    };
    const response = await fetch(`${base}/events`);
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toBe('data: 1\n\n');
    finish();
    const second = await reader?.read();
    expect(Buffer.from(second?.value ?? []).toString()).toBe('data: 2\n\n');
  });

  it('streams a request while it is sent', async () => {
    const pieces: string[] = [];
    answer = (request, response) => {
      request.on('data', (piece: Buffer) => {
        pieces.push(piece.toString());
        if (pieces.length === 1) response.write('got the first');
      });
      request.on('end', () => void response.end('.'));
    };
    let send: (text: string) => void = () => undefined;
    const head = `POST /proxy/${port}/up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const text = await new Promise<string>((resolve, reject) => {
      void import('node:net').then(({ connect }) => {
        const socket = connect(agent.port, '127.0.0.1', () => send(`${head}3\r\none\r\n`));
        send = (bytes) => void socket.write(bytes);
        let seen = '';
        socket.on('error', reject);
        socket.on('data', (bytes: Buffer) => {
          seen += bytes.toString();
          if (seen.endsWith('got the first\r\n')) send('3\r\ntwo\r\n0\r\n\r\n');
          if (!seen.endsWith('0\r\n\r\n')) return;
          socket.destroy();
          resolve(seen);
        });
      });
    });
    expect(text).toContain('200');
    expect(pieces.join('')).toBe('onetwo');
  });

  it('keeps up with a large answer and gives it whole', async () => {
    const size = 40 * 1024 * 1024;
    answer = (_request, response) => void response.end(Buffer.alloc(size, 'x'));
    const bytes = await (await fetch(`${base}/large`)).arrayBuffer();
    expect(bytes.byteLength).toBe(size);
  });

  it('does not pretend an answer was whole that broke off', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'Content-Length': '1000000' }).write('part');
      setTimeout(() => response.destroy(), 50);
    };
    await expect(fetch(`${base}/broken`).then((response) => response.text())).rejects.toThrow();
    expect((await fetch(`${agent.url}/ping`)).status).toBe(200);
  });

  it('ends its request when the client leaves', async () => {
    const left = new Promise<void>((resolve) => {
      answer = (request, response) => {
        response.writeHead(200).write('x');
        request.socket.once('close', resolve);
      };
    });
    const controller = new AbortController();
    await fetch(`${base}/long`, { signal: controller.signal });
    controller.abort();
    await left;
  });
});

describe('a proxied WebSocket', () => {
  async function open(path: string): Promise<{ socket: WebSocket; next: () => Promise<string | Buffer> }> {
    const socket = new WebSocket(`${base.replace('http', 'ws')}${path}`, ['first', 'second']);
    const waiting: (string | Buffer)[] = [];
    let wake: () => void = () => undefined;
    socket.on('message', (data: Buffer, isBinary) => {
      waiting.push(isBinary ? data : data.toString());
      wake();
    });
    await once(socket, 'open');
    const next = async (): Promise<string | Buffer> => {
      for (;;) {
        const message = waiting.shift();
        if (message !== undefined) return message;
        await new Promise<void>((resume) => (wake = resume));
      }
    };
    return { socket, next };
  }

  it('carries path, query, protocol and messages both ways', async () => {
    const { socket, next } = await open('/x?y=1');
    expect(socket.protocol).toBe('second');
    expect(await next()).toBe('hello /x?y=1');
    socket.send('text \u00e4');
    expect(await next()).toBe('text \u00e4');
    socket.send(Buffer.from([0, 255]));
    expect(await next()).toEqual(Buffer.from([0, 255]));
    for (const size of [125, 126, 65_535, 65_536, 3_000_000]) {
      socket.send('z'.repeat(size));
      expect(await next()).toHaveLength(size);
    }
    socket.terminate();
  });

  it('carries the reason of a close', async () => {
    const { socket } = await open('/x');
    socket.send('bye');
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4321, 'as you wish']);
  });

  it('that the application refuses is refused with its own answer', async () => {
    const request = [
      `GET /proxy/${port}/refused HTTP/1.1`,
      'Host: x',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      '\r\n',
    ].join('\r\n');
    const text = await rawHttp(agent.port, request, (seen) => seen.endsWith('nope'));
    expect(text).toMatch(/^HTTP\/1\.1 403/);
    expect(text.toLowerCase()).toContain('x-why: no');
  });
});
