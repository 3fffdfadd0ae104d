import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { NO_SEAL, openAnswer, sealRequest } from '@opensandbox/http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgent } from './support/agent-process.ts';
import type { AgentProcess } from './support/agent-process.ts';
import { rawHttp } from './support/raw-http.ts';

let agent: AgentProcess;
let application: Server;
let port: number;
let seen = '';
let answer = '';
const sockets = new Set<Socket>();

beforeAll(async () => {
  agent = await startAgent();
  application = createServer((socket) => {
    sockets.add(socket);
    seen = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1');
      if (/\r\n\r\n(body)?$/.test(seen)) socket.end(answer, 'latin1');
    });
  });
  application.listen(0, '127.0.0.1');
  await once(application, 'listening');
  port = (application.address() as AddressInfo).port;
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  for (const socket of sockets) socket.destroy();
  application.close();
});

/** Asks for the port of the application with this seal; resolves with the answer. */
function ask(method: string, seal: string, lines: readonly string[] = [], body = ''): Promise<string> {
  const head = [
    `${method} /proxy/${port}/plain HTTP/1.1`,
    'Host: h',
    'Connection: close',
    `OpenSandbox-Execd-Head: ${seal}`,
    ...lines,
  ];
  return rawHttp(agent.port, `${head.join('\r\n')}\r\n\r\n${body}`, () => false);
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('a sealed head', () => {
  it('reaches the application as it was before the runtime read it', async () => {
    answer = OK;
    const rawHeaders = ['X-Dup', '1', 'X-DUP', '2', 'X-Bytes', '\xe4\xff', 'X-Forwarded-Host', 'mine'];
    await ask('GET', sealRequest({ method: 'GET', target: '/a\\b/^{}?q=|', rawHeaders }), ['X-Dup: 1, 2']);
    const [line, ...headers] = seen.split('\r\n').filter((text) => text !== '');
    expect(line).toBe('GET /a\\b/^{}?q=| HTTP/1.1');
    expect(headers).toEqual([
      'Host: h',
      'X-Dup: 1',
      'X-DUP: 2',
      'X-Bytes: \xe4\xff',
      'X-Forwarded-Host: mine',
      'Connection: close',
    ]);
  });

  it('brings the body of a GET, which the runtime throws away', async () => {
    answer = OK;
    seen = '';
    const lost = await ask('GET', NO_SEAL, ['Content-Length: 4'], 'body');
    expect(lost).toMatch(/^HTTP\/1\.1 502 [^]*opensandbox-execd-proxy: resend/i);
    expect(seen).toBe('');
    const seal = sealRequest({ method: 'GET', target: '/search', rawHeaders: [] }, true);
    expect(await ask('POST', seal, ['Content-Length: 4'], 'body')).toMatch(/^HTTP\/1\.1 200 [^]*ok$/);
    expect(seen).toMatch(/^GET \/search HTTP\/1\.1\r\n[^]*\r\n\r\nbody$/);
  });

  it('comes back where the runtime would lose something', async () => {
    answer = `HTTP/1.1 200 OK\r\nX-Dup: 1\r\nX-Dup: 2\r\nX-Bytes: \xe4\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`;
    const text = await ask('GET', NO_SEAL);
    const sealed = /^opensandbox-execd-head: (.*)\r$/im.exec(text)?.[1] ?? '';
    expect(openAnswer(sealed)).toEqual([
      ...['X-Dup', '1', 'X-Dup', '2', 'X-Bytes', '\xe4'],
      ...['Content-Length', '100000'],
    ]);
    answer = OK;
    expect(await ask('GET', NO_SEAL)).not.toMatch(/^opensandbox-execd-head:/im);
  });

  it('is not for applications to make', async () => {
    answer = OK.replace('\r\n', '\r\nOpenSandbox-Execd-Head: WyJBIiwiMSJd\r\n');
    expect(await ask('GET', NO_SEAL)).not.toMatch(/^opensandbox-execd-head:/im);
  });

  it('that is not sound is nothing', async () => {
    answer = OK;
    const forged = Buffer.from(JSON.stringify(['GET', '/', 'X', '1\r\nX-Injected: 1'])).toString('base64url');
    await ask('GET', forged);
    expect(seen).toMatch(/^GET \/plain HTTP/);
    expect(seen).not.toContain('X-Injected');
  });
});
