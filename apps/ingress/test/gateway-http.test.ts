import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Fault } from '@opensandbox/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient, ask } from './support/raw-client.ts';
import { Service } from './support/service.ts';
import { TestGateway } from './support/test-gateway.ts';

const SOON = { timeout: 20_000 };
const AMBIGUOUS = 'ambiguous sandbox id "twins" found in multiple namespaces: [a b]';

describe('the gateway', () => {
  let service: Service;
  let gateway: TestGateway;
  let byPath: TestGateway;

  beforeAll(async () => {
    service = await Service.open();
    const sandboxes = {
      ok: {},
      'a-b-c': {},
      starting: {
        fault: new Fault('unavailable', 'sandbox.not_ready', 'sandbox not ready: starting', {
          retryAfterMs: 1000,
        }),
      },
      twins: { fault: new Fault('conflict', 'sandbox.ambiguous', AMBIGUOUS) },
      based: { port: service.port, basePath: '/proxy/8080' },
      six: { host: '::1' },
    };
    gateway = await TestGateway.open({ sandboxes });
    byPath = await TestGateway.open({ sandboxes, mode: 'uri' });
  });

  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await byPath[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });

  it.each([
    ['the routing header', (port: number) => ['Host: gw', `OpenSandbox-Ingress-To: ok-${port}`]],
    ['its old name', (port: number) => ['Host: gw', `OPEN-SANDBOX-INGRESS: ok-${port}`]],
    ['the host name', (port: number) => [`Host: ok-${port}.sandboxes.example.com`]],
    ['a host name with a port', (port: number) => [`Host: a-b-c-${port}.x:8443`]],
    [
      'the host name, when the header is empty',
      (port: number) => [`Host: ok-${port}.x`, 'OpenSandbox-Ingress-To:'],
    ],
    [
      'the new header before the old one',
      (port: number) => ['Host: gw', 'OPEN-SANDBOX-INGRESS: no-1', `OpenSandbox-Ingress-To: ok-${port}`],
    ],
  ])('finds a sandbox by %s', async (_what, headers) => {
    const answer = await ask(gateway.port, 'GET /x?y=1 HTTP/1.1', ...headers(service.port));
    expect(answer).toMatchObject({ status: 200, body: 'ok' });
    expect(service.seen.at(-1)?.target).toBe('/x?y=1');
    expect(service.values('opensandbox-ingress-to')).toEqual([]);
    expect(service.values('open-sandbox-ingress')).toEqual([]);
    expect(answer.head).toMatch(/^reverse-proxy-server-powerby: OpenSandbox-ingress$/im);
  });

  it.each<[string, number, string]>([
    ['Host: example.com', 400, 'invalid ingress route: expected {sandbox}-{port}, got "example"'],
    ['Host: ok-80:8080', 400, 'invalid ingress route: invalid port format: "80:8080"'],
    ['Host: missing-80.x', 404, 'sandbox not found: missing'],
    ['Host: starting-80.x', 503, 'sandbox not ready: starting'],
    ['Host: twins-80.x', 502, AMBIGUOUS],
    ['Host: ok-70000.x', 502, 'upstream unreachable: there is no port 70000 of sandbox ok'],
    ['Host: sbx-8080-x2qxvk-0FF8CD39A.x', 400, 'invalid ingress route: invalid port format: "0FF8CD39A"'],
  ])('answers %s with %i', async (header, status, text) => {
    const answer = await ask(gateway.port, 'GET / HTTP/1.1', header);
    expect(answer).toMatchObject({ status, body: `OpenSandbox Ingress: ${text}\n` });
    expect(answer.head).toMatch(/content-type: text\/plain; charset=utf-8/i);
    expect(answer.head).toMatch(/x-content-type-options: nosniff/i);
    expect(/retry-after: 1/i.test(answer.head)).toBe(status === 503);
  });

  it.each([
    '//a//b?q=%zz&',
    '/%2e%2e/x',
    '/a/../b',
    '/a%2Fb/%3Fq?x=%2F&flag&a=1&b=2&a=3',
    '/status.okay',
    '/x/status.ok',
  ])('passes %s on byte for byte, with every method', async (path) => {
    for (const method of ['GET', 'DELETE', 'OPTIONS', 'PROPFIND']) {
      const answer = await ask(gateway.port, `${method} ${path} HTTP/1.1`, `Host: ok-${service.port}.x`);
      expect(answer.status).toBe(200);
      expect(service.seen.at(-1)).toMatchObject({ method, target: path });
    }
    const prefix = `/ok/${service.port}`;
    expect((await ask(byPath.port, `GET ${prefix}${path} HTTP/1.1`, 'Host: gw')).status).toBe(200);
    expect(service.seen.at(-1)?.target).toBe(path);
  });

  it('gives a path without a rest as a slash, and a path of an open sandbox that looks signed as it is', async () => {
    const prefix = `/ok/${service.port}`;
    for (const [path, target] of [
      [prefix, '/'],
      [`${prefix}?a`, '/?a'],
      [`${prefix}/tot6vg/00000000a/echo`, '/tot6vg/00000000a/echo'],
    ]) {
      expect((await ask(byPath.port, `GET ${path} HTTP/1.1`, 'Host: gw')).status).toBe(200);
      expect(service.seen.at(-1)?.target).toBe(target);
    }
    expect((await ask(byPath.port, 'GET /ok/0/x HTTP/1.1', 'Host: gw')).status).toBe(400);
  });

  it('keeps credentials for the service, and says where the request came from', async () => {
    await ask(
      gateway.port,
      'GET / HTTP/1.1',
      `Host: ok-${service.port}.x`,
      'Authorization: Bearer app',
      'Cookie: a=1',
      'OPEN-SANDBOX-API-KEY: k',
      'X-EXECD-ACCESS-TOKEN: t',
      'OpenSandbox-Secure-Access: s',
      'X-Forwarded-For: 10.0.0.1',
      'X-Forwarded-For: 10.0.0.2',
      'X-Forwarded-Proto: https',
      'X-Dup: 1',
      'X-Dup: 2',
    );
    expect(service.values('authorization')).toEqual(['Bearer app']);
    expect(service.values('cookie')).toEqual(['a=1']);
    expect(service.values('open-sandbox-api-key')).toEqual(['k']);
    expect(service.values('x-execd-access-token')).toEqual(['t']);
    expect(service.values('opensandbox-secure-access')).toEqual([]);
    expect(service.values('x-forwarded-for')).toEqual(['10.0.0.1, 10.0.0.2, 127.0.0.1']);
    expect(service.values('x-forwarded-proto')).toEqual(['https']);
    expect(service.values('x-forwarded-host')).toEqual([`ok-${service.port}.x`]);
    expect(service.values('host')).toEqual([`127.0.0.1:${service.port}`]);
    expect(service.values('x-dup')).toEqual(['1', '2']);
  });

  it('passes a redirect and several cookies back as they are', async () => {
    service.answer = (_request, response) =>
      response.writeHead(302, { location: '/elsewhere', 'set-cookie': ['a=1', 'b=2'] }).end();
    const answer = await ask(gateway.port, 'GET / HTTP/1.1', `Host: ok-${service.port}.x`);
    service.answer = (_request, response) => response.end('ok');
    expect(answer.status).toBe(302);
    expect(answer.head).toMatch(/^location: \/elsewhere$/im);
    expect(answer.head.match(/^set-cookie: .=.$/gim)).toHaveLength(2);
  });

  it('dials over plain HTTP whatever scheme an absolute target names', async () => {
    const target = `https://ok-${service.port}.x/path?q`;
    expect((await ask(gateway.port, `GET ${target} HTTP/1.1`, 'Host: other')).status).toBe(200);
    expect(service.seen.at(-1)?.target).toBe('/path?q');
  });

  it('answers its own status path in every mode, and questions about itself', async () => {
    for (const port of [gateway.port, byPath.port]) {
      const answer = await ask(port, 'POST /status.ok HTTP/1.1', 'Host: gw', 'Content-Length: 0');
      expect(answer).toMatchObject({ status: 200, body: 'OK' });
    }
    expect((await ask(gateway.port, 'OPTIONS * HTTP/1.1', 'Host: gw')).status).toBe(200);
  });

  it('passes an upload on, and lets a client that asks first send it', async () => {
    using client = await RawClient.open(gateway.port);
    client.send(
      'POST /up HTTP/1.1',
      `Host: ok-${service.port}.x`,
      'Content-Length: 5',
      'Expect: 100-continue',
    );
    await client.received(/^HTTP\/1\.1 100 Continue\r\n/);
    client.socket.write('hello');
    await client.received(/HTTP\/1\.1 200 OK[^]*ok/);
    expect(service.seen.at(-1)).toMatchObject({ method: 'POST', body: 'hello' });
    expect(service.values('expect')).toEqual([]);
  });

  it('refuses an upload to a sandbox that is not there before any of it was sent', async () => {
    using client = await RawClient.open(gateway.port);
    client.send('POST /up HTTP/1.1', 'Host: missing-80.x', 'Content-Length: 5000000', 'Expect: 100-continue');
    await client.closed();
    expect(client.text).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('reaches IPv6 addresses', async () => {
    const server = createServer((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nsix'),
    ).listen(0, '::1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await ask(gateway.port, 'GET / HTTP/1.1', `Host: six-${port}.x`)).toMatchObject({ body: 'six' });
    server.close();
  });

  it('answers 502 with a line of text when nothing listens, and doubts the address', async () => {
    const answer = await ask(gateway.port, 'GET / HTTP/1.1', 'Host: ok-1.x');
    expect(answer.status).toBe(502);
    expect(answer.body).toMatch(/^OpenSandbox Ingress: .*port 1 of sandbox ok\.\n$/);
    expect(gateway.doubted).toContain('ok:1');
  });

  it('keeps a path inside the base path of its sandbox', async () => {
    expect((await ask(gateway.port, 'GET /a/b?../c HTTP/1.1', 'Host: based-80.x')).status).toBe(200);
    expect(service.seen.at(-1)?.target).toBe('/proxy/8080/a/b?../c');
    for (const path of ['/../command', '/a/%2E%2e/b', '/a%2f..%2Fb', '/.']) {
      expect((await ask(gateway.port, `GET ${path} HTTP/1.1`, 'Host: based-80.x')).status).toBe(400);
    }
  });

  it('cuts an answer that breaks off, and adds nothing to it', async () => {
    service.answer = (_request, response) => {
      response.write('half');
      setTimeout(() => response.destroy(), 50);
    };
    using client = await RawClient.open(gateway.port);
    client.send('GET / HTTP/1.1', `Host: ok-${service.port}.x`);
    await client.closed();
    service.answer = (_request, response) => response.end('ok');
    expect(client.text).toMatch(/\r\n\r\n4\r\nhalf\r\n$/);
  });

  it('refuses what is no HTTP, and a message with two lengths', async () => {
    expect((await ask(gateway.port, 'nonsense')).status).toBe(400);
    const twice = ['Content-Length: 1', 'Transfer-Encoding: chunked'];
    expect((await ask(gateway.port, 'POST / HTTP/1.1', `Host: ok-${service.port}.x`, ...twice)).status).toBe(
      400,
    );
  });

  it('tells of each visit once, with the decoded path only where paths name sandboxes', async () => {
    gateway.visits.length = 0;
    byPath.visits.length = 0;
    await ask(gateway.port, 'GET /a?b HTTP/1.1', `Host: ok-${service.port}.x`);
    await ask(gateway.port, 'GET /a?b HTTP/1.1', 'Host: missing-80.x');
    await ask(gateway.port, 'GET /dead HTTP/1.1', 'Host: ok-1.x');
    await ask(byPath.port, `GET /ok/${service.port}/a%20b/%3C?c HTTP/1.1`, 'Host: gw');
    expect(gateway.visits).toEqual([
      { sandboxId: 'ok', port: service.port },
      { sandboxId: 'ok', port: 1 },
    ]);
    expect(byPath.visits).toEqual([{ sandboxId: 'ok', port: service.port, requestUri: '/a b/<' }]);
  });

  it('writes one line for each request, without path, query and host', async () => {
    const before = gateway.log.lines.length;
    await ask(gateway.port, 'GET /secret-path?token=1 HTTP/1.1', `Host: ok-${service.port}.secret-host`);
    const lines = () => gateway.log.lines.slice(before).filter(({ event }) => event === 'http.request');
    await expect.poll(lines, SOON).toHaveLength(1);
    expect(lines()[0]?.fields).toMatchObject({
      status: 200,
      sandboxId: 'ok',
      port: service.port,
      signed: false,
    });
    expect(JSON.stringify(gateway.log.lines)).not.toContain('secret');
  });

  it('counts what it did', async () => {
    await ask(gateway.port, 'GET / HTTP/1.1', `Host: ok-${service.port}.x`);
    await ask(gateway.port, 'GET / HTTP/1.1', 'Host: missing-80.x');
    const text = () => gateway.meter.exposition();
    const requests = /^opensandbox_ingress_requests_total\{kind="http",status="2xx"\} [1-9]/m;
    await expect.poll(text, SOON).toMatch(requests);
    await expect
      .poll(text, SOON)
      .toMatch(/^opensandbox_ingress_refusals_total\{code="sandbox\.not_found"\} [1-9]/m);
  });
});
