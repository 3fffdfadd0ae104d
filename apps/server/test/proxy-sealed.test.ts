import { SEALED_HEAD, openRequest, sealAnswer } from '@opensandbox/http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ProxyWorld, openProxyWorld } from './support/proxy-world.ts';
import { OK, headerValues } from './support/raw-backend.ts';

let world: ProxyWorld;

beforeAll(async () => {
  world = await openProxyWorld();
});
beforeEach(() => {
  world.agent.connections.length = 0;
  world.agent.script = ({ socket }) => socket.end(OK);
});
afterAll(() => world[Symbol.asyncDispose]());

const line = (method: string, rest: string): string =>
  `${method} /sandboxes/${world.id}/proxy/3000${rest} HTTP/1.1`;

describe('a request that goes through the agent', () => {
  it('says that the answer may come sealed, and is sealed only where it must be', async () => {
    await world.ask(line('GET', '/plain'), 'X-A: 1', 'OpenSandbox-Execd-Head: forged');
    expect(world.agent.values(SEALED_HEAD)).toEqual(['-']);
    await world.ask(line('GET', '/^'), 'X-A: 1', 'X-A: 2', 'Authorization: Bearer secret');
    const [seal = ''] = world.agent.values(SEALED_HEAD);
    expect(openRequest(seal)).toMatchObject({ method: 'GET', target: '/^' });
    expect(openRequest(seal)?.rawHeaders.slice(0, 4)).toEqual(['X-A', '1', 'X-A', '2']);
    expect(openRequest(seal)?.rawHeaders).not.toContain('Authorization');
    expect(world.agent.requestLine).toBe('GET /proxy/3000/^ HTTP/1.1');
  });

  it('is not sealed for the agent itself', async () => {
    await world.ask(`GET /sandboxes/${world.id}/proxy/44772/ping HTTP/1.1`, 'X-A: 1', 'X-A: 2');
    expect(world.agent.values(SEALED_HEAD)).toEqual([]);
    expect(world.agent.requestLine).toBe('GET /ping HTTP/1.1');
  });

  it('comes back with the head that the service gave it', async () => {
    const given = ['X-Dup', '1', 'X-Dup', '2', 'X-Bytes', '\xe4', 'Content-Length', '5'];
    world.agent.script = ({ socket }) =>
      socket.end(
        `HTTP/1.1 200 OK\r\nX-Dup: 1, 2\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n` +
          `${SEALED_HEAD}: ${sealAnswer(given, true)}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
      );
    const answer = await world.ask(line('GET', '/'));
    expect(headerValues(answer, 'x-dup')).toEqual(['1', '2']);
    expect(headerValues(answer, 'x-bytes')).toEqual(['\xe4']);
    expect(headerValues(answer, 'content-length')).toEqual(['5']);
    expect(headerValues(answer, 'transfer-encoding')).toEqual([]);
    expect(headerValues(answer, SEALED_HEAD)).toEqual([]);
    expect(answer.endsWith('\r\n\r\nhello')).toBe(true);
  });

  it('is sent once more, sealed whole, when the agent cannot read its body otherwise', async () => {
    world.agent.script = ({ socket, text }) =>
      socket.end(
        text.startsWith('GET')
          ? 'HTTP/1.1 502 Bad Gateway\r\nOpenSandbox-Execd-Proxy: resend\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'
          : OK,
      );
    using connection = await world.connect();
    connection.send(line('GET', '/search?q'), 'Host: x', 'Content-Length: 4');
    connection.socket.write('body');
    await connection.received(/^HTTP\/1\.1 200 [^]*ok$/);
    expect(world.agent.requestLine).toBe('POST /proxy/3000/search?q HTTP/1.1');
    await world.agent.received(/\r\n\r\nbody$/);
    const [seal = ''] = world.agent.values(SEALED_HEAD);
    expect(openRequest(seal)).toMatchObject({ method: 'GET', target: '/search?q' });
  });
});
