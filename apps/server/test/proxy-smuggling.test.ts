import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ProxyWorld, openProxyWorld } from './support/proxy-world.ts';
import { OK } from './support/raw-backend.ts';
import { requestsIn } from './support/raw-requests.ts';

let world: ProxyWorld;

beforeAll(async () => {
  world = await openProxyWorld();
});
beforeEach(() => {
  world.backend.connections.length = 0;
  world.agent.connections.length = 0;
  // Late enough that what is smuggled has come, should it come at all.
  world.backend.script = ({ socket }) => void setImmediate(() => socket.end(OK));
});
afterAll(() => world[Symbol.asyncDispose]());

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
const post = (headers: string, body = ''): string =>
  `POST P/a HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n${body}`;
const chunked = (body: string): string => post('Transfer-Encoding: chunked', body);

/** `broken`: the client ends before its request does. `behind`: one, and one more that is for this server. */
type Fate = 'refused' | 'broken' | 'one' | 'behind';

/** What is sent (`P` is the path of the proxied port), and whether the service may see it. */
const CORPUS: readonly (readonly [name: string, bytes: string, fate: Fate])[] = [
  [
    'a length and chunks',
    post('Content-Length: 5\r\nTransfer-Encoding: chunked', `0\r\n\r\n${SMUGGLED}`),
    'refused',
  ],
  [
    'chunks and a length',
    post('Transfer-Encoding: chunked\r\nContent-Length: 4', `5c\r\n${SMUGGLED}`),
    'refused',
  ],
  [
    'two codings',
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', `0\r\n\r\n${SMUGGLED}`),
    'refused',
  ],
  ['an unknown coding', post('Transfer-Encoding: xchunked', SMUGGLED), 'refused'],
  ['a coding behind chunked', post('Transfer-Encoding: chunked, gzip', SMUGGLED), 'refused'],
  ['a quoted coding', post('Transfer-Encoding: "chunked"', SMUGGLED), 'refused'],
  ['a coding with a vertical tab', post('Transfer-Encoding: \x0bchunked', SMUGGLED), 'refused'],
  ['a coding with a NUL', post('Transfer-Encoding: chunked\0', SMUGGLED), 'refused'],
  ['a space before the colon', post('Transfer-Encoding : chunked', `0\r\n\r\n${SMUGGLED}`), 'refused'],
  ['a space in a name', post('Bad Name: x\r\nContent-Length: 0', SMUGGLED), 'refused'],
  ['no name', post(': x\r\nContent-Length: 0', SMUGGLED), 'refused'],
  ['no colon', post('Nonsense\r\nContent-Length: 0', SMUGGLED), 'refused'],
  ['a folded header', post('X-A: b\r\n Content-Length: 40\r\nContent-Length: 0', SMUGGLED), 'refused'],
  ['a folded coding', post('Transfer-Encoding:\r\n chunked', `0\r\n\r\n${SMUGGLED}`), 'refused'],
  ['a header before the first', `POST P/a HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n`, 'refused'],
  ['two lengths', post('Content-Length: 0\r\nContent-Length: 37', SMUGGLED), 'refused'],
  ['two equal lengths', post('Content-Length: 0\r\nContent-Length: 0', SMUGGLED), 'refused'],
  ['a list of lengths', post('Content-Length: 0, 0', SMUGGLED), 'refused'],
  ['a negative length', post('Content-Length: -1', SMUGGLED), 'refused'],
  ['a length with a sign', post('Content-Length: +3', 'abc'), 'refused'],
  ['a length in hex', post('Content-Length: 0x3', 'abc'), 'refused'],
  ['a length that overflows', post('Content-Length: 18446744073709551617', 'a'), 'refused'],
  ['an empty length', post('Content-Length:', SMUGGLED), 'refused'],
  ['bare line feeds', 'POST P/a HTTP/1.1\nHost: x\nContent-Length: 0\n\n', 'refused'],
  [
    'a bare line feed in a header',
    post('X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 0', ''),
    'refused',
  ],
  ['a bare carriage return in a header', post('X-A: b\rTransfer-Encoding: chunked', ''), 'refused'],
  ['a NUL in a header', post('X-A: b\0c\r\nContent-Length: 0'), 'refused'],
  ['a chunk that is longer than it says', chunked(`1\r\nab\r\n0\r\n\r\n${SMUGGLED}`), 'refused'],
  ['a negative chunk', chunked(`-1\r\na\r\n0\r\n\r\n`), 'refused'],
  ['a chunk size that overflows', chunked(`10000000000000001\r\na\r\n0\r\n\r\n`), 'refused'],
  ['a chunk size with a prefix', chunked(`0x1\r\na\r\n0\r\n\r\n`), 'refused'],
  ['a chunk size that is none', chunked(`z\r\n\r\n`), 'refused'],
  ['a chunk that ends with a line feed', chunked(`1\r\na\n0\r\n\r\n`), 'refused'],
  ['a chunk size that ends with a line feed', chunked(`1\na\r\n0\r\n\r\n`), 'refused'],
  ['a body that breaks off', post('Content-Length: 100', 'a part'), 'broken'],
  ['chunks that break off', chunked('5\r\nab'), 'broken'],
  ['a control character in the path', 'GET P/a\x01b HTTP/1.1\r\nHost: x\r\n\r\n', 'refused'],
  ['a space in the path', `GET P/a HTTP/1.1 b HTTP/1.1\r\nHost: x\r\n\r\n`, 'refused'],
  ['a line end in the path', 'GET P/a%0d%0aX-Injected:%201 HTTP/1.1\r\nHost: x\r\n\r\n', 'refused'],
  ['another version', 'GET P/a HTTP/9.9\r\nHost: x\r\n\r\n', 'refused'],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'refused'],
  ['no host', 'GET P/a HTTP/1.1\r\n\r\n', 'refused'],
  ['two hosts', 'GET P/a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 'refused'],
  ['an unknown method', 'BREW P/a HTTP/1.1\r\nHost: x\r\n\r\n', 'refused'],
  ['CONNECT', 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n', 'refused'],

  [
    'a length among its trailers',
    chunked(`3\r\nabc\r\n0\r\nContent-Length: 99\r\n\r\n${SMUGGLED}`),
    'refused',
  ],

  ['a zero length', post('Content-Length: 0'), 'one'],
  ['a length with zeros before it', post('Content-Length: 003', 'abc'), 'one'],
  ['chunks', chunked('3\r\nabc\r\n0\r\n\r\n'), 'one'],
  ['chunks in capitals', post('TRANSFER-ENCODING: CHUNKED', '3\r\nabc\r\n0\r\n\r\n'), 'one'],
  ['chunks with an extension', chunked('3;name="a\\"b"\r\nabc\r\n0\r\n\r\n'), 'one'],
  ['chunks with trailers', chunked('3\r\nabc\r\n0\r\nX-Injected: 1\r\n\r\n'), 'one'],
  ['the absolute form', 'GET http://other.hostP/a HTTP/1.1\r\nHost: x\r\n\r\n', 'one'],
  [
    'security headers named as options of the connection',
    'GET P/a HTTP/1.1\r\nHost: x\r\nConnection: close, host, content-length, x-forwarded-for, open-sandbox-api-key\r\n\r\n',
    'one',
  ],
  [
    'framing named as an option of the connection',
    post('Connection: close, content-length, transfer-encoding\r\nContent-Length: 3', 'abc'),
    'one',
  ],
  [
    'an upgrade to HTTP/2',
    'GET P/a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
    'one',
  ],
  [
    'an upgrade to HTTP/2 with a request behind it',
    `GET P/a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n${SMUGGLED}`,
    'one',
  ],
  ['a request behind it', post('Content-Length: 0', SMUGGLED), 'behind'],
  [
    'a GET with a request as its body',
    `GET P/a HTTP/1.1\r\nHost: x\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    'one',
  ],
];

describe('a request with', () => {
  it.each(CORPUS)('%s', async (_name, bytes, fate) => {
    using client = await world.connect();
    client.socket.write(bytes.replace('P/', world.target('/')), 'latin1');
    if (fate === 'broken') client.socket.end();
    if (fate === 'one') await client.received(/^HTTP\/1\.1 200 [^]*ok/);
    else if (fate === 'behind')
      await client.received(/^HTTP\/1\.1 200 [^]*okHTTP\/1\.1 401 [^]*MISSING_API_KEY/);
    else {
      await Promise.race([client.closed(), client.received(/^HTTP\/1\.1 [45]/).catch(() => undefined)]);
      expect(client.text).toMatch(/^(HTTP\/1\.1 [45]|$)/);
    }
    // Whatever else came over the same connection has passed once a later request was answered.
    expect(await world.ask(`GET ${world.target('/later')} HTTP/1.1`)).toMatch(/^HTTP\/1\.1 200 /);
    const seen = world.backend.connections.flatMap(({ text }) =>
      fate === 'broken' ? wholeIn(text) : requestsIn(text),
    );
    const isForwarded = fate === 'one' || fate === 'behind';
    expect(seen.map(({ line }) => line.replace(/^\w+ /, ''))).toEqual([
      ...(isForwarded ? ['/a HTTP/1.1'] : []),
      '/later HTTP/1.1',
    ]);
    expect(world.agent.connections).toEqual([]);
    for (const { headers } of seen) {
      const text = headers.join('\n').toLowerCase();
      expect(text).toMatch(new RegExp(`^host: 127.0.0.1:${world.backend.port}$`, 'm'));
      expect(text).not.toMatch(/^(x-injected|upgrade|http2-settings|open-sandbox-api-key):/m);
      expect(text).toMatch(/^x-forwarded-for: /m);
    }
  });
});

function wholeIn(text: string): ReturnType<typeof requestsIn> {
  try {
    return requestsIn(text);
  } catch {
    return [];
  }
}
