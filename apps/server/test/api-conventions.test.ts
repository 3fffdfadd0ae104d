import { settle } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AUTH, CREATE, type TestApp, openTestApp } from './support/test-app.ts';

let test: TestApp;

beforeEach(async () => {
  test = await openTestApp();
});

afterEach(() => test[Symbol.asyncDispose]());

const MISSING_KEY = {
  code: 'MISSING_API_KEY',
  message: 'Authentication credentials are missing. Provide API key via OPEN-SANDBOX-API-KEY header.',
};
const INVALID_KEY = {
  code: 'INVALID_API_KEY',
  message: 'Authentication credentials are invalid. Check your API key and try again.',
};
const NOT_FOUND = { detail: 'Not Found', code: 'GENERAL::NOT_FOUND', message: 'Not Found' };

describe('health', () => {
  it('answers without a key, with exactly one member and a fresh request id', async () => {
    const answer = await test.app.inject('/health');
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe('{"status":"healthy"}');
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
  });

  it('exists without a version only', async () => {
    const answer = await test.app.inject({ url: '/v1/health', headers: AUTH });
    expect(answer.statusCode).toBe(404);
  });
});

describe('authentication', () => {
  it.each([
    ['no key', {}, MISSING_KEY],
    ['an empty key', { 'open-sandbox-api-key': '' }, MISSING_KEY],
    ['another key', { 'open-sandbox-api-key': 'bad' }, INVALID_KEY],
    ['another case', { 'open-sandbox-api-key': 'K1' }, INVALID_KEY],
    ['a bearer token', { authorization: 'Bearer k1' }, MISSING_KEY],
  ])('refuses %s with the request id on the answer', async (_what, headers, body) => {
    const answer = await test.app.inject({ url: '/v1/sandboxes', headers });
    expect(answer.statusCode).toBe(401);
    expect(answer.json()).toEqual(body);
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
  });

  it('takes the header in any case, with and without the version in the path', async () => {
    for (const url of ['/sandboxes', '/v1/sandboxes']) {
      const answer = await test.app.inject({ url, headers: { 'Open-SANDBOX-api-KEY': 'k1' } });
      expect(answer.statusCode).toBe(200);
    }
  });

  it('comes before routing', async () => {
    expect((await test.app.inject('/v1/nope')).statusCode).toBe(401);
    expect((await test.app.inject({ method: 'PUT', url: '/v1/sandboxes' })).statusCode).toBe(401);
    const known = await test.app.inject({ url: '/v1/nope', headers: AUTH });
    expect(known.statusCode).toBe(404);
    expect(known.json()).toEqual(NOT_FOUND);
  });

  it('lets every path with a public prefix pass', async () => {
    for (const url of ['/healthz', '/docsfoo', '/redoc/x', '/openapi.json5']) {
      expect((await test.app.inject(url)).statusCode).toBe(404);
    }
  });

  it('lets proxied ports pass and nothing that only looks like one', async () => {
    const open = await test.app.inject('/v1/sandboxes/x/proxy/80');
    expect(open.statusCode).toBe(404);
    expect(open.json()).toEqual({ code: 'DOCKER::SANDBOX_NOT_FOUND', message: 'Sandbox x not found.' });
    for (const path of [
      '/v1/sandboxes/x/proxy/abc',
      '/v1/sandboxes/x/proxy/80x',
      '/v1/sandboxes/x/proxy/80/a..b',
      '/v1/sandboxes/x/proxy/80/%2e%2e/x',
      '/v1/sandboxes/x/proxy/80%0a',
      '/foo/sandboxes/x/proxy/80',
    ]) {
      expect((await test.app.inject(path)).statusCode, path).toBe(401);
    }
  });

  it('is off without a configured key', async () => {
    await using open = await openTestApp({ options: { apiKey: undefined } });
    expect((await open.app.inject('/v1/sandboxes')).statusCode).toBe(200);
  });
});

describe('request ids', () => {
  it.each([
    ['  abc  ', 'abc'],
    ['x'.repeat(128), 'x'.repeat(128)],
  ])('echoes %j trimmed', async (sent, echoed) => {
    const answer = await test.app.inject({ url: '/health', headers: { 'x-request-id': sent } });
    expect(answer.headers['x-request-id']).toBe(echoed);
  });

  it.each(['', '   ', 'x'.repeat(129), 'a\tb', 'ümlaut'])('replaces %j', async (sent) => {
    const answer = await test.app.inject({ url: '/health', headers: { 'x-request-id': sent } });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
  });

  it('are on the answer to a defect too', async () => {
    const get = (): never => {
      throw new TypeError('secret text of a defect');
    };
    await using broken = await openTestApp({ lifecycle: { get } });
    const answer = await broken.app.inject({
      url: '/v1/sandboxes/x',
      headers: { ...AUTH, 'x-request-id': 'mine' },
    });
    expect(answer.statusCode).toBe(500);
    expect(answer.headers['x-request-id']).toBe('mine');
    expect(answer.json()).toEqual({
      code: 'GENERAL::UNKNOWN_ERROR',
      message: 'An unexpected error occurred.',
    });
    expect(broken.log.lines.find(({ level }) => level === 'error')).toMatchObject({
      event: 'http.request_failed',
      fields: { requestId: 'mine', status: 500 },
    });
  });
});

describe('cross-origin requests', () => {
  const origin = 'https://app.example';

  it('answers a preflight before authentication', async () => {
    const answer = await test.app.inject({
      method: 'OPTIONS',
      url: '/v1/sandboxes',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'open-sandbox-api-key, content-type',
      },
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe('OK');
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'open-sandbox-api-key, content-type',
      'access-control-allow-methods': 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT',
      'access-control-max-age': '600',
      'content-type': 'text/plain; charset=utf-8',
      vary: 'Origin',
    });
  });

  it('lets scripts read the request id, also of a refusal', async () => {
    const answer = await test.app.inject({ url: '/v1/sandboxes', headers: { origin } });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'X-Request-ID',
    });
  });

  it('never mirrors an origin together with credentials when no key is asked for', async () => {
    await using open = await openTestApp({ options: { apiKey: undefined } });
    const answer = await open.app.inject({ url: '/v1/sandboxes', headers: { origin } });
    expect(answer.headers['access-control-allow-origin']).toBe(origin);
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
  });

  it('adds nothing to requests without an origin', async () => {
    const answer = await test.app.inject('/health');
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('routing', () => {
  it.each([
    ['PUT', '/v1/sandboxes', 'POST, GET'],
    ['HEAD', '/v1/sandboxes', 'POST, GET'],
    ['OPTIONS', '/sandboxes/x', 'GET, DELETE'],
    ['TRACE', '/sandboxes/x', 'GET, DELETE'],
    ['POST', '/health', 'GET'],
  ] as const)('answers %s %s with 405 and the methods that exist', async (method, url, allow) => {
    const answer = await test.app.inject({ method: method as 'PUT', url, headers: AUTH });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers['allow']).toBe(allow);
    const body = {
      detail: 'Method Not Allowed',
      code: 'GENERAL::METHOD_NOT_ALLOWED',
      message: 'Method Not Allowed',
    };
    if (method !== 'HEAD') expect(answer.json()).toEqual(body);
  });

  it('redirects a trailing slash with method, body and query kept', async () => {
    const answer = await test.app.inject({
      method: 'POST',
      url: '/v1/sandboxes/?a=1&b=%20',
      headers: { ...AUTH, host: 'my.host:81' },
      payload: CREATE,
    });
    expect(answer.statusCode).toBe(307);
    expect(answer.body).toBe('');
    expect(answer.headers['location']).toBe('http://my.host:81/v1/sandboxes?a=1&b=%20');
  });

  it('redirects nowhere when the Host header is no host', async () => {
    const headers = { ...AUTH, host: 'evil.example/path' };
    const answer = await test.app.inject({ url: '/v1/sandboxes/', headers });
    expect(answer.statusCode).toBe(404);
    expect(answer.headers).not.toHaveProperty('location');
  });

  it.each([
    ['/v1/sandboxes/a%2Fb', NOT_FOUND],
    ['/v1/Sandboxes', NOT_FOUND],
    ['/v2/sandboxes', NOT_FOUND],
    ['/v1/sandboxes/%zz', { code: 'DOCKER::SANDBOX_NOT_FOUND', message: 'Sandbox %zz not found.' }],
    ['/v1/sandboxes/%E4%BD%A0', { code: 'DOCKER::SANDBOX_NOT_FOUND', message: 'Sandbox 你 not found.' }],
    [
      `/v1/sandboxes/${'a'.repeat(300)}`,
      { code: 'DOCKER::SANDBOX_NOT_FOUND', message: `Sandbox ${'a'.repeat(300)} not found.` },
    ],
  ])('answers %s with 404', async (url, body) => {
    const answer = await test.app.inject({ url, headers: AUTH });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual(body);
  });
});

describe('bodies', () => {
  const post = (payload: string | Buffer, contentType?: string) =>
    test.app.inject({
      method: 'POST',
      url: '/v1/sandboxes',
      headers: { ...AUTH, ...(contentType === undefined ? {} : { 'content-type': contentType }) },
      payload,
    });

  it('are refused above 4 MiB', async () => {
    const answer = await post(Buffer.alloc(4 * 1024 * 1024 + 1, ' '), 'application/json');
    expect(answer.statusCode).toBe(413);
    expect(answer.json()).toEqual({
      code: 'GENERAL::BODY_TOO_LARGE',
      message: 'The request body is too large for this route.',
    });
  });

  it('are read as JSON for every JSON media type, however it is written', async () => {
    const text = JSON.stringify(CREATE);
    for (const type of [
      'application/json',
      'APPLICATION/JSON; charset=latin1',
      'application/merge-patch+json',
    ]) {
      expect((await post(text, type)).statusCode, type).toBe(202);
    }
    expect((await post(Buffer.from(`\ufeff${text}`), 'application/json')).statusCode).toBe(202);
    expect((await post(Buffer.from(text, 'utf16le'), 'application/json')).statusCode).toBe(202);
  });

  it.each([undefined, 'text/plain', ';;;', 'application/x-www-form-urlencoded'])(
    'with the content type %j are taken as text, which is no object',
    async (type) => {
      const answer = await post('{"a":1}', type);
      expect(answer.statusCode).toBe(422);
      expect(answer.json<{ detail: unknown }>().detail).toMatchObject([
        { type: 'model_attributes_type', loc: ['body'], input: '{"a":1}' },
      ]);
    },
  );

  it('that are no text at all are a bad request', async () => {
    const answer = await post(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), 'application/json');
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toEqual({
      detail: 'There was an error parsing the body',
      code: 'GENERAL::INVALID_REQUEST',
      message: 'There was an error parsing the body',
    });
  });
});

describe('the access log', () => {
  it('has one line for a request, without its query and without what a proxied path carries', async () => {
    await test.app.inject({
      url: '/v1/sandboxes?metadata=token%3Dsecret',
      headers: { ...AUTH, 'x-request-id': 'r1', 'open-sandbox-client-ip': '10.1.2.3' },
    });
    await test.app.inject({
      url: '/sandboxes/x/proxy/80/hooks/secret',
      headers: { 'open-sandbox-client-ip': 'junk' },
    });
    await settle();
    const lines = test.log.lines.filter(({ event }) => event === 'http.request').map(({ fields }) => fields);
    expect(lines).toEqual([
      {
        method: 'GET',
        path: '/v1/sandboxes',
        status: 200,
        ms: 0,
        requestId: 'r1',
        peer: '127.0.0.1',
        clientIp: '10.1.2.3',
      },
      expect.objectContaining({ path: '/sandboxes/x/proxy/80/…', status: 404 }),
    ]);
    expect(lines[1]).not.toHaveProperty('clientIp');
  });
});
