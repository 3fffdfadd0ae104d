import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PATIENCE, type ProxyWorld, bodyOf, openProxyWorld } from './support/proxy-world.ts';
import { OK, headerValues } from './support/raw-backend.ts';
import { KEY } from './support/test-app.ts';

let world: ProxyWorld;

beforeAll(async () => {
  world = await openProxyWorld();
});
beforeEach(() => {
  world.backend.connections.length = 0;
  world.agent.connections.length = 0;
  world.backend.script = ({ socket }) => socket.end(OK);
});
afterAll(() => world[Symbol.asyncDispose]());

const get = (rest: string): string => `GET ${world.target(rest)} HTTP/1.1`;
const closing = (head: string, body = ''): string => `${head}\r\nConnection: close\r\n\r\n${body}`;

describe('a proxied request', () => {
  it.each(['/v1/sandboxes/ID/proxy/8080', '/sandboxes/ID/proxy/8080', '/v1/route/ID/8080', '/route/ID/8080'])(
    'needs no key below %s and carries no credentials of this server',
    async (prefix) => {
      const credentials = ['Authorization: Bearer x', 'Cookie: a=b', `OPEN-SANDBOX-API-KEY: ${KEY}`];
      const path = prefix.replace('ID', world.id);
      for (const lines of [[], credentials]) {
        expect(await world.ask(`GET ${path}/echo HTTP/1.1`, ...lines)).toMatch(/^HTTP\/1\.1 200 /);
        expect(world.backend.requestLine).toBe('GET /echo HTTP/1.1');
        expect(world.backend.text).not.toMatch(/^(authorization|cookie|open-sandbox-api-key):/im);
      }
    },
  );

  it.each([
    ['', '/'],
    ['/', '/'],
    ['//x//y/', '/x//y/'],
    ['?q', '/?q'],
    ['/?', '/?'],
    [
      '/a%2Fb/%3Fq?x=%2F&flag&a=1&b=2&a=3&bad=%zz&raw=[]|"',
      '/a%2Fb/%3Fq?x=%2F&flag&a=1&b=2&a=3&bad=%zz&raw=[]|"',
    ],
    ['/%E4%BD%A0/%ff/a+b;c=1,2', '/%E4%BD%A0/%ff/a+b;c=1,2'],
    ['/.well-known/x..y/...', '/.well-known/x..y/...'],
  ])('asks for what was asked, byte for byte: %j', async (rest, target) => {
    await world.ask(get(rest), `OPEN-SANDBOX-API-KEY: ${KEY}`);
    expect(world.backend.requestLine).toBe(`GET ${target} HTTP/1.1`);
  });

  it('goes below the base path of its address', async () => {
    const path = `/v1/sandboxes/${world.id}/proxy/3000/x/y?z=1`;
    world.agent.script = world.backend.script;
    await world.ask(`GET ${path} HTTP/1.1`);
    expect(world.agent.requestLine).toBe('GET /proxy/3000/x/y?z=1 HTTP/1.1');
  });

  it('needs the key when its path has two dots anywhere', async () => {
    const missing = await world.ask(get('/files/a..b'));
    expect(missing).toMatch(/^HTTP\/1\.1 401 /);
    expect(bodyOf(missing)).toEqual({
      code: 'MISSING_API_KEY',
      message: 'Authentication credentials are missing. Provide API key via OPEN-SANDBOX-API-KEY header.',
    });
    expect(await world.ask(get('/files/a..b'), `OPEN-SANDBOX-API-KEY: ${KEY}`)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it.each([
    '/../../command',
    '/a/%2e%2E/b',
    '/./x',
    '/a%2f..%2fb',
    '/..',
    '/x\\..\\..\\command',
    '/%0d%0aX:1',
    '/%00',
  ])('that could lead out of its port is refused: %j', async (rest) => {
    for (const port of [8080, 3000]) {
      const path = `/v1/sandboxes/${world.id}/proxy/${port}${rest}`;
      const answer = await world.ask(`GET ${path} HTTP/1.1`, `OPEN-SANDBOX-API-KEY: ${KEY}`);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(bodyOf(answer)).toMatchObject({ code: 'GENERAL::UNKNOWN_ERROR' });
    }
    expect([...world.backend.connections, ...world.agent.connections]).toEqual([]);
  });

  it.each([
    ['abc', undefined, 401, 'MISSING_API_KEY'],
    ['abc', KEY, 422, 'GENERAL::INVALID_REQUEST'],
    ['0', undefined, 400, 'DOCKER::INVALID_PORT'],
    ['70000', undefined, 400, 'DOCKER::INVALID_PORT'],
    ['8080%0A', undefined, 401, 'MISSING_API_KEY'],
    ['8080%0A', KEY, 400, 'GENERAL::UNKNOWN_ERROR'],
  ])('to port %s with key %s is answered with %i', async (port, key, status, code) => {
    const lines = key === undefined ? [] : [`OPEN-SANDBOX-API-KEY: ${key}`];
    for (const path of [`/v1/sandboxes/${world.id}/proxy/${port}`, `/route/${world.id}/${port}/x`]) {
      const answer = await world.ask(`GET ${path} HTTP/1.1`, ...lines);
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(bodyOf(answer)).toMatchObject({ code });
    }
    expect(world.backend.connections).toEqual([]);
  });

  it('keeps what belongs to its connection to itself', async () => {
    using connection = await world.connect();
    connection.send(
      get('/'),
      'Host: my.host',
      'Connection: close, X-Hop',
      ...['X-Hop: 1', 'Keep-Alive: timeout=5', 'TE: trailers', 'Trailer: X-T', 'Upgrade: h2c'],
      ...['Proxy-Authorization: Basic x', 'Proxy-Connection: keep-alive', 'HTTP2-Settings: AAMAAABk'],
      'X-Trace: t',
    );
    await connection.received(/ok$/);
    const { names } = world.backend;
    expect(names).toContain('x-trace');
    const gone = ['x-hop', 'keep-alive', 'te', 'trailer', 'upgrade', 'proxy-authorization'];
    for (const name of [...gone, 'proxy-connection', 'http2-settings']) expect(names).not.toContain(name);
  });

  it('carries the tokens of the sandbox that the client sent, and invents none', async () => {
    const tokens = ['X-EXECD-ACCESS-TOKEN: e', 'OpenSandbox-Secure-Access: s', 'OPENSANDBOX-EGRESS-AUTH: g'];
    await world.ask(get('/'), ...tokens);
    expect(world.backend.values('x-execd-access-token')).toEqual(['e']);
    expect(world.backend.values('opensandbox-secure-access')).toEqual(['s']);
    expect(world.backend.values('opensandbox-egress-auth')).toEqual(['g']);
    await world.ask(get('/'));
    expect(world.backend.text.match(/^(x-execd|opensandbox-)/gim)).toHaveLength(3);
  });

  it('says where it came from unless the client did', async () => {
    await world.ask(get('/'));
    expect(world.backend.values('x-forwarded-host')).toEqual(['my.host']);
    expect(world.backend.values('x-forwarded-proto')).toEqual(['http']);
    expect(world.backend.values('x-forwarded-for')).toEqual(['127.0.0.1']);
    await world.ask(get('/'), 'X-Forwarded-For: 9.9.9.9', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: h');
    expect(world.backend.values('x-forwarded-for')).toEqual(['9.9.9.9']);
    expect(world.backend.values('x-forwarded-proto')).toEqual(['https']);
    expect(world.backend.values('x-forwarded-host')).toEqual(['h']);
  });

  it('carries repeated headers in order, empty ones, and bytes beyond ASCII', async () => {
    await world.ask(get('/'), 'X-Dup: 1', 'x-other: o', 'X-Dup: 2', 'X-Empty:', 'X-Bytes: \xe4\xff');
    expect(world.backend.values('x-dup')).toEqual(['1', '2']);
    expect(world.backend.values('x-empty')).toEqual(['']);
    expect(world.backend.values('x-bytes')).toEqual(['\xe4\xff']);
  });

  it('adds nothing about formats or programs that the client did not say', async () => {
    await world.ask(get('/'));
    for (const name of ['accept', 'accept-encoding', 'user-agent']) {
      expect(world.backend.names).not.toContain(name);
    }
  });
});

describe('the body of a proxied request', () => {
  it.each(['Content-Length: 8', 'Transfer-Encoding: chunked'])(
    'arrives in pieces with %s',
    async (framing) => {
      const piece = (text: string): string => (framing.endsWith('chunked') ? `4\r\n${text}\r\n` : text);
      using connection = await world.connect();
      world.backend.script = () => undefined;
      connection.send(`POST ${world.target('/')} HTTP/1.1`, 'Host: x', framing);
      connection.socket.write(piece('one.'));
      await world.backend.received(/one\./);
      connection.socket.write(piece('two.'));
      await world.backend.received(/two\./);
      if (framing.endsWith('chunked')) connection.socket.write('0\r\n\r\n');
      world.backend.connections[0]?.socket.end(OK);
      await connection.received(/ok/);
    },
  );

  it.each(['GET', 'DELETE', 'PATCH', 'OPTIONS'])('of a %s arrives', async (method) => {
    world.backend.script = () => undefined;
    using connection = await world.connect();
    connection.send(`${method} ${world.target('/')} HTTP/1.1`, 'Host: x', 'Content-Length: 7');
    connection.socket.write('{"a":1}');
    await world.backend.received(/\r\n\r\n\{"a":1\}$/);
    expect(world.backend.requestLine).toBe(`${method} / HTTP/1.1`);
    expect(world.backend.values('content-length')).toEqual(['7']);
    world.backend.connections[0]?.socket.end(OK);
    await connection.received(/ok/);
  });

  it('is not made up: a POST without one has no framing that announces one', async () => {
    await world.ask(`POST ${world.target('/')} HTTP/1.1`);
    expect(world.backend.names).not.toContain('transfer-encoding');
    expect(world.backend.text).toMatch(/\r\n\r\n$/);
  });

  it('is announced and answered locally when the client expects it', async () => {
    using connection = await world.connect();
    connection.send(
      `PUT ${world.target('/')} HTTP/1.1`,
      'Host: x',
      'Content-Length: 4',
      'Expect: 100-continue',
    );
    await connection.received(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    connection.socket.write('body');
    await connection.received(/HTTP\/1\.1 200 [^]*ok/);
    expect(world.backend.names).not.toContain('expect');
    expect(world.backend.text).toMatch(/body$/);
  });
});

describe('a proxied answer', () => {
  it('is passed through byte for byte, packed as it is', async () => {
    const packed = gzipSync('x'.repeat(1000));
    world.backend.script = ({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`);
      socket.end(packed);
    };
    const answer = await world.ask(get('/'), 'Accept-Encoding: gzip');
    expect(answer.endsWith(packed.toString('latin1'))).toBe(true);
    expect(headerValues(answer, 'content-encoding')).toEqual(['gzip']);
    expect(headerValues(answer, 'content-length')).toEqual([String(packed.length)]);
  });

  it('keeps what belongs to the connection of the service out, and repeated headers apart', async () => {
    world.backend.script = ({ socket }) =>
      socket.end(
        closing(
          'HTTP/1.1 200 OK\r\nConnection: X-Foo\r\nX-Foo: 1\r\nKeep-Alive: timeout=9\r\nTrailer: X-T\r\n' +
            'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nServer: inner\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n' +
            'X-Bytes: \xe4\r\nContent-Length: 0',
        ),
        'latin1',
      );
    const answer = await world.ask(get('/'));
    for (const name of ['x-foo', 'trailer']) expect(headerValues(answer, name)).toEqual([]);
    expect(headerValues(answer, 'set-cookie')).toEqual(['a=1', 'b=2']);
    expect(headerValues(answer, 'server')).toEqual(['inner']);
    expect(headerValues(answer, 'date')).toEqual(['Mon, 01 Jan 2024 00:00:00 GMT']);
    expect(headerValues(answer, 'x-bytes')).toEqual(['\xe4']);
    await world.ask(get('/'));
    expect(world.backend.values('cookie')).toEqual([]);
  });

  it('that points elsewhere is not followed', async () => {
    world.backend.script = ({ socket }) =>
      socket.end(
        closing(`HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${world.port}/health\r\nContent-Length: 0`),
      );
    const answer = await world.ask(get('/'));
    expect(answer).toMatch(/^HTTP\/1\.1 302 /);
    expect(headerValues(answer, 'location')).toEqual([`http://127.0.0.1:${world.port}/health`]);
    expect(world.backend.connections).toHaveLength(1);
  });

  it('has the id of this request, the one that the client gave or a fresh one', async () => {
    world.backend.script = ({ socket }) =>
      socket.end(closing('HTTP/1.1 200 OK\r\nX-Request-ID: theirs\r\nContent-Length: 0'));
    expect(headerValues(await world.ask(get('/'), 'X-Request-ID: r1'), 'x-request-id')).toEqual(['r1']);
    const [fresh] = headerValues(await world.ask(get('/')), 'x-request-id');
    expect(fresh).toMatch(/^[0-9a-f]{32}$/);
  });

  it('that is a refusal of the service stays its own', async () => {
    world.backend.script = ({ socket }) =>
      socket.end(
        closing('HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 10', 'forbidden\n'),
      );
    const answer = await world.ask(get('/credential-vault/_active'));
    expect(answer).toMatch(/^HTTP\/1\.1 403 [^]*\r\n\r\nforbidden\n$/);
  });

  it('to HEAD tells the length and has no body', async () => {
    world.backend.script = ({ socket }) => socket.end(closing('HTTP/1.1 200 OK\r\nContent-Length: 1234'));
    const answer = await world.ask(`HEAD ${world.target('/')} HTTP/1.1`);
    expect(world.backend.requestLine).toBe('HEAD / HTTP/1.1');
    expect(headerValues(answer, 'content-length')).toEqual(['1234']);
    expect(answer.endsWith('\r\n\r\n')).toBe(true);
  });

  it('to a range is the part that was asked for', async () => {
    const part = 'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-3/9\r\nContent-Length: 3';
    world.backend.script = ({ socket }) => socket.end(closing(part, 'bcd'));
    const answer = await world.ask(get('/'), 'Range: bytes=1-3');
    expect(world.backend.values('range')).toEqual(['bytes=1-3']);
    expect(answer).toMatch(/^HTTP\/1\.1 206 [^]*content-range: bytes 1-3\/9[^]*bcd$/i);
  });
});

describe('the access log', () => {
  it('tells sandbox and port, and nothing of what was asked of the service', async () => {
    for (const path of [`/route/${world.id}/8080`, `/v1/sandboxes/${world.id}/proxy/8080`]) {
      await world.ask(`GET ${path}/secret-path?token=secret HTTP/1.1`);
      await expect
        .poll(() => world.test.log.lines.map(({ fields }) => fields['path']), PATIENCE)
        .toContain(`${path}/…`);
    }
    expect(JSON.stringify(world.test.log.lines)).not.toContain('secret');
  });
});
