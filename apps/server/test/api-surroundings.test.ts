import { settle } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AUTH, CREATE, type TestApp, openTestApp } from './support/test-app.ts';

let test: TestApp;

beforeEach(async () => {
  test = await openTestApp();
});

afterEach(() => test[Symbol.asyncDispose]());

async function call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object | string) {
  const answer = await test.app.inject({
    method,
    url: `/v1${url}`,
    headers: AUTH,
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json<unknown>() };
}

describe('GET /sandboxes/{id}/endpoints/{port}', () => {
  it('gives the published port of 8080 and the agent for every other port', async () => {
    const id = await test.running();
    const endpoint = async (port: string) => (await call('GET', `/sandboxes/${id}/endpoints/${port}`)).body;
    expect(await endpoint('44772')).toEqual({ endpoint: 'sandboxes.example:40000/proxy/44772' });
    expect(await endpoint('18080')).toEqual({ endpoint: 'sandboxes.example:40000/proxy/18080' });
    expect(await endpoint('8080')).toEqual({ endpoint: 'sandboxes.example:40001' });
    expect(await endpoint('3000?use_server_proxy=false')).toEqual({
      endpoint: 'sandboxes.example:40000/proxy/3000',
    });
  });

  it('gives its own address when the server shall forward', async () => {
    const id = await test.running();
    const url = `/v1/sandboxes/${id}/endpoints/3000?use_server_proxy=yes`;
    const answer = await test.app.inject({ url, headers: { ...AUTH, host: 'my.host:81' } });
    expect(answer.json()).toEqual({ endpoint: `my.host:81/sandboxes/${id}/proxy/3000` });
    const forged = await test.app.inject({ url, headers: { ...AUTH, host: 'evil/x' } });
    expect(forged.statusCode).toBe(400);
  });

  it.each([
    [{ eip: 'e.com/base/' }, 'e.com/base'],
    [{ eip: 'https://e.com' }, 'e.com'],
    [{ eip: '1.2.3.4', publicUrl: 'https://api.e.com:8443/' }, 'api.e.com:8443'],
  ])('prefers the configured address %j', async (options, base) => {
    await using configured = await openTestApp({ options });
    const id = await configured.running();
    const url = `/sandboxes/${id}/endpoints/3000?use_server_proxy=true`;
    const answer = await configured.app.inject({ url, headers: AUTH });
    expect(answer.json()).toEqual({ endpoint: `${base}/sandboxes/${id}/proxy/3000` });
  });

  it.each([
    ['0', 400, 'DOCKER::INVALID_PORT', 'Port must be between 1 and 65535.'],
    ['65536', 400, 'DOCKER::INVALID_PORT', 'Port must be between 1 and 65535.'],
    [
      '3000?expires=2000000000',
      400,
      'SANDBOX::API_NOT_SUPPORTED',
      "Signed routes (expires parameter) are not supported when runtime.type='docker'. Use the Kubernetes runtime for signed routes.",
    ],
    [
      '3000?use_server_proxy=true&expires=2',
      400,
      'SANDBOX::INVALID_PARAMETER',
      'use_server_proxy cannot be combined with expires; signed endpoints require the gateway route.',
    ],
    ['3000', 404, 'DOCKER::SANDBOX_NOT_FOUND', 'Sandbox none not found.'],
  ])('refuses %s with %i %s', async (port, status, code, message) => {
    expect(await call('GET', `/sandboxes/none/endpoints/${port}`)).toEqual({
      status,
      body: { code, message },
    });
  });

  it.each(['abc', '3000?use_server_proxy=', '3000?use_server_proxy=maybe', '3000?expires=x'])(
    'refuses %s with 422',
    async (port) => {
      expect((await call('GET', `/sandboxes/none/endpoints/${port}`)).status).toBe(422);
    },
  );

  it('waits for a Pending sandbox', async () => {
    await using slow = await openTestApp({ engine: { imageMs: 30_000 } });
    const id = await slow.running();
    const pending = slow.app.inject({ url: `/v1/sandboxes/${id}/endpoints/44772`, headers: AUTH });
    await settle();
    await slow.clock.advance(30_000);
    expect((await pending).json()).toEqual({ endpoint: 'sandboxes.example:40000/proxy/44772' });
  });

  it('fails with what ended the provisioning, again and again', async () => {
    const id = await test.running({ env: { FAKE_FAIL: 'image.pull_failed' } });
    for (let asked = 0; asked < 2; asked += 1) {
      expect(await call('GET', `/sandboxes/${id}/endpoints/44772`)).toEqual({
        status: 500,
        body: {
          code: 'DOCKER::SANDBOX_IMAGE_PULL_FAILED',
          message: expect.stringMatching(/^Failed to pull image busybox: /) as string,
        },
      });
    }
  });
});

describe('snapshots', () => {
  it('list as none', async () => {
    const page = { page: 2, pageSize: 5, totalItems: 0, totalPages: 0, hasNextPage: false };
    expect(await call('GET', '/snapshots?state=ready&name=a&page=2&pageSize=5')).toEqual({
      status: 200,
      body: { items: [], pagination: page },
    });
    expect((await call('GET', '/snapshots?pageSize=201')).status).toBe(422);
  });

  it.each(['GET', 'DELETE'] as const)('are not found by %s', async (method) => {
    expect(await call(method, '/snapshots/s1')).toEqual({
      status: 404,
      body: { code: 'SNAPSHOT::NOT_FOUND', message: 'Snapshot s1 not found' },
    });
  });
});

describe('pools', () => {
  const unsupported = {
    status: 501,
    body: {
      code: 'KUBERNETES::POOL_NOT_SUPPORTED',
      message: "Pool management is only available when runtime.type is 'kubernetes'.",
    },
  };
  const capacitySpec = { bufferMax: 1, bufferMin: 0, poolMax: 1, poolMin: 0 };

  it('are refused on every route', async () => {
    expect(await call('GET', '/pools')).toEqual(unsupported);
    expect(await call('GET', '/pools/p')).toEqual(unsupported);
    expect(await call('DELETE', '/pools/p')).toEqual(unsupported);
    expect(await call('PUT', '/pools/p', { capacitySpec })).toEqual(unsupported);
    expect(await call('POST', '/pools', { name: 'p', template: {}, capacitySpec })).toEqual(unsupported);
  });

  it('have their bodies checked first', async () => {
    const answer = await call('POST', '/pools', {});
    expect(answer.status).toBe(422);
    expect((answer.body as { detail: unknown[] }).detail).toHaveLength(3);
  });
});

describe('POST /metrics/events', () => {
  const EVENT = {
    eventType: 'sandbox.create',
    createDurationMs: 90,
    success: true,
    sandboxId: 'sb1',
    image: 'busybox',
  };

  it.each([
    ['what SDKs send', EVENT],
    [
      'snake case and strangers',
      { event_type: 'sandbox.create', create_duration_ms: 1, success: false, x: 1 },
    ],
    ['nulls', { ...EVENT, sandboxId: null, image: null }],
    ['an event of a newer client', { ...EVENT, eventType: 'sandbox.pause' }],
  ])('takes %s', async (_what, payload) => {
    expect(await call('POST', '/metrics/events', payload)).toEqual({ status: 204, body: undefined });
  });

  it.each([
    ['a negative duration', { ...EVENT, createDurationMs: -1 }],
    ['a duration in words', { ...EVENT, createDurationMs: 'abc' }],
    ['no success', { eventType: 'sandbox.create', createDurationMs: 1 }],
    ['a list', []],
    ['text', '{bad'],
  ])('refuses %s with 422', async (_what, payload) => {
    expect((await call('POST', '/metrics/events', payload)).status).toBe(422);
  });

  it('needs the key, also without the version in the path', async () => {
    const send = (headers: Record<string, string>) =>
      test.app.inject({ method: 'POST', url: '/metrics/events', headers, payload: EVENT });
    expect((await send(AUTH)).statusCode).toBe(204);
    expect((await send({})).statusCode).toBe(401);
  });

  it('refuses more than 4 KiB', async () => {
    const answer = await call('POST', '/metrics/events', { ...EVENT, image: 'x'.repeat(5000) });
    expect(answer.status).toBe(413);
  });

  it('logs the SDK and not the image', async () => {
    await test.app.inject({
      method: 'POST',
      url: '/v1/metrics/events',
      headers: { ...AUTH, 'user-agent': 'foo OpenSandbox-Go-SDK/1.0.4 bar' },
      payload: EVENT,
    });
    expect(test.log.lines.find(({ event }) => event === 'sdk.sandbox_created')).toEqual({
      level: 'debug',
      event: 'sdk.sandbox_created',
      fields: { language: 'go', version: '1.0.4', durationMs: 90, success: true, sandboxId: 'sb1' },
    });
  });
});

describe('the API pages', () => {
  it('describe the API', async () => {
    const answer = await test.app.inject('/openapi.json');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    const document = answer.json<{ openapi: string; info: object; paths: Record<string, object> }>();
    expect(document).toMatchObject({
      openapi: expect.stringMatching(/^3\.1\./) as string,
      info: { title: 'OpenSandbox Lifecycle API', version: '0.1.0' },
    });
  });

  it('serve every route that they describe', async () => {
    await using open = await openTestApp({ options: { apiKey: undefined } });
    const { paths } = (await open.app.inject('/openapi.json')).json<{ paths: Record<string, object> }>();
    for (const [path, operations] of Object.entries(paths)) {
      const url = path.replace('{port}', '80').replace(/\{[^}]+\}/g, 'none');
      for (const method of Object.keys(operations)) {
        if (!['get', 'post', 'put', 'patch', 'delete', 'head', 'options'].includes(method)) continue;
        const { body } = await open.app.inject({ method: method.toUpperCase() as 'GET', url });
        expect(body, `${method} ${path}`).not.toMatch(/GENERAL::(NOT_FOUND|METHOD_NOT_ALLOWED)/);
      }
    }
  });

  it.each(['/docs', '/redoc', '/docs/oauth2-redirect'])(
    'show %s with everything from this server',
    async (url) => {
      const answer = await test.app.inject(url);
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['content-type']).toContain('text/html');
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
      expect(answer.body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
      const links = [...answer.body.matchAll(/(?:src|href|spec-url)="([^"]+)"/g)].map(
        ([, link]) => link ?? '',
      );
      expect(links).not.toEqual([]);
      for (const link of links) {
        const { pathname } = new URL(link, `http://host${url}`);
        expect((await test.app.inject(pathname)).statusCode, pathname).toBe(200);
      }
      expect((await test.app.inject({ method: 'HEAD', url })).statusCode).toBe(200);
    },
  );

  it('load no picture from the vendor of the page', async () => {
    const script = await test.app.inject('/redoc/redoc.standalone.js');
    expect(script.body).not.toContain('cdn.redoc.ly');
  });
});

describe('every refusal', () => {
  it('has a body', async () => {
    const refusals: [string, string][] = [
      ['GET', '/v1/sandboxes/none'],
      ['DELETE', '/v1/sandboxes/none'],
      ['POST', '/v1/sandboxes/none/pause'],
      ['POST', '/v1/sandboxes'],
      ['PUT', '/v1/sandboxes'],
      ['GET', '/v1/nope'],
      ['GET', '/v1/pools'],
      ['GET', '/sandboxes/none/proxy/80/x'],
      ['GET', '/sandboxes/none/proxy/abc/x'],
    ];
    for (const [method, url] of refusals) {
      const answer = await test.app.inject({ method: method as 'GET', url, headers: AUTH });
      expect(answer.statusCode, url).toBeGreaterThanOrEqual(400);
      expect(answer.json(), url).toMatchObject({
        code: expect.stringMatching(/./) as string,
        message: expect.stringMatching(/./) as string,
      });
    }
  });

  it('has the create body checked before anything is made', async () => {
    await call('POST', '/sandboxes', { ...CREATE, timeout: 'x' });
    expect(test.lifecycle.list({ states: undefined, metadata: {}, page: 1, pageSize: 10 }).totalItems).toBe(
      0,
    );
  });
});
