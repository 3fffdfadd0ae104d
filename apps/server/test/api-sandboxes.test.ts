import { settle } from '@opensandbox/testkit';
import type { InjectOptions } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AUTH, CREATE, type TestApp, openTestApp } from './support/test-app.ts';

const CREATED_AT = '2026-01-02T03:04:05.678000Z';
let test: TestApp;

beforeEach(async () => {
  test = await openTestApp({ maxTimeoutSeconds: 86_400 });
});

afterEach(() => test[Symbol.asyncDispose]());

async function call(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  payload?: InjectOptions['payload'],
  headers: Readonly<Record<string, string>> = {},
): Promise<{
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}> {
  const answer = await test.app.inject({
    method,
    url: `/v1${url}`,
    headers: { ...AUTH, ...headers },
    ...(payload === undefined ? {} : { payload }),
  });
  const body: unknown = answer.body === '' ? undefined : answer.json();
  if (answer.statusCode < 300) expect(answer.body).not.toContain('null');
  return { status: answer.statusCode, body, headers: answer.headers };
}

const create = (extra: object = {}, headers = {}) =>
  call('POST', '/sandboxes', { ...CREATE, ...extra }, headers);

function notFound(id: string) {
  return { status: 404, body: { code: 'DOCKER::SANDBOX_NOT_FOUND', message: `Sandbox ${id} not found.` } };
}

describe('POST /sandboxes', () => {
  it('answers Pending as soon as the sandbox is recorded', async () => {
    await using slow = await openTestApp({ engine: { imageMs: 60_000 } });
    const answer = await slow.app.inject({
      method: 'POST',
      url: '/sandboxes',
      headers: AUTH,
      payload: {
        ...CREATE,
        timeout: 3600,
        metadata: { team: 'infra' },
        platform: { os: ' LINUX ', arch: 'amd64' },
        extensions: { 'opensandbox.extensions.a': 'b' },
        env: { A: null, B: 'x' },
        unknown: [1],
      },
    });
    expect(answer.statusCode).toBe(202);
    const body = answer.json<{ id: string }>();
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as string,
      status: {
        state: 'Pending',
        reason: 'CONTAINER_STARTING',
        message: expect.any(String) as string,
        lastTransitionAt: CREATED_AT,
      },
      metadata: { team: 'infra' },
      platform: { os: 'linux', arch: 'amd64' },
      extensions: { 'opensandbox.extensions.a': 'b' },
      expiresAt: '2026-01-02T04:04:05.678000Z',
      createdAt: CREATED_AT,
      entrypoint: ['sleep', '999'],
    });
    expect(slow.lifecycle.get(body.id as never).record.spec.env).toEqual([['B', 'x']]);
  });

  it('keeps empty metadata in its answer only', async () => {
    const { status, body } = await create({ metadata: {} });
    expect(status).toBe(202);
    expect(body).toHaveProperty('metadata', {});
    const read = await call('GET', `/sandboxes/${(body as { id: string }).id}`);
    expect(read.body).not.toHaveProperty('metadata');
  });

  it('omits expiresAt and extensions when there are none', async () => {
    const { body } = await create({ timeout: null, extensions: {} });
    expect(body).not.toHaveProperty('expiresAt');
    expect(body).not.toHaveProperty('extensions');
  });

  it.each([
    ['no body', undefined, [{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]],
    ['a list', [], [{ type: 'model_attributes_type', loc: ['body'] }]],
    ['nothing in it', {}, [{ type: 'value_error', loc: ['body'] }]],
    ['a short timeout', { timeout: 10 }, [{ type: 'greater_than_equal', loc: ['body', 'timeout'] }]],
    ['a number where text belongs', { ...CREATE, resourceRequests: { cpu: 1 } }, [{ type: 'string_type' }]],
    [
      'an empty entrypoint',
      { ...CREATE, entrypoint: [] },
      [{ type: 'too_short', loc: ['body', 'entrypoint'] }],
    ],
  ])('refuses %s with 422', async (_what, payload, detail) => {
    const answer = await call('POST', '/sandboxes', payload);
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({
      detail,
      code: 'GENERAL::INVALID_REQUEST',
      message: expect.any(String) as string,
    });
    expect((answer.body as { detail: unknown[] }).detail).toHaveLength(detail.length);
  });

  it('names the place of a syntax error', async () => {
    const answer = await call('POST', '/sandboxes', '{bad', { 'content-type': 'application/json' });
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ detail: [{ type: 'json_invalid', loc: ['body', 1], input: {} }] });
  });

  it('never repeats a password', async () => {
    const auth = { username: 'u', password: 5, extra: 'hunter2' };
    const answer = await call('POST', '/sandboxes', { ...CREATE, image: { uri: 'x', auth } });
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
  });

  it.each([
    [
      { timeout: 86_401 },
      400,
      'SANDBOX::INVALID_PARAMETER',
      'Sandbox timeout 86401s exceeds configured maximum of 86400s.',
    ],
    [{ metadata: { name: 'Test Sandbox' } }, 400, 'SANDBOX::INVALID_METADATA_LABEL', undefined],
    [{ metadata: { 'opensandbox.io/x': '1' } }, 400, 'SANDBOX::INVALID_METADATA_LABEL', undefined],
    [{ platform: { os: 'darwin', arch: 'amd64' } }, 400, 'SANDBOX::INVALID_PARAMETER', undefined],
    [{ networkPolicy: {} }, 400, 'SANDBOX::INVALID_PARAMETER', undefined],
    [{ resourceLimits: { memory: 'lots' } }, 400, 'SANDBOX::INVALID_PARAMETER', undefined],
    [{ image: null, entrypoint: null, snapshotId: 'nope' }, 404, 'SNAPSHOT::NOT_FOUND', undefined],
  ])('refuses %j with %i %s', async (extra, status, code, message) => {
    const answer = await create(extra);
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({ code, message: message ?? (expect.any(String) as string) });
  });

  it('waits with Prefer until the sandbox runs', async () => {
    await using slow = await openTestApp({ engine: { imageMs: 2000 } });
    const pending = slow.app.inject({
      method: 'POST',
      url: '/v1/sandboxes',
      headers: { ...AUTH, prefer: 'respond-async, wait=10' },
      payload: CREATE,
    });
    await settle();
    await slow.clock.advance(2000);
    const answer = await pending;
    expect(answer.statusCode).toBe(202);
    expect(answer.headers['preference-applied']).toBe('wait=10');
    expect(answer.json()).toMatchObject({ status: { state: 'Running' } });
  });

  it('answers with what it is when the preferred time is over', async () => {
    await using slow = await openTestApp({ engine: { imageMs: 60_000 } });
    const pending = slow.app.inject({
      method: 'POST',
      url: '/v1/sandboxes',
      headers: { ...AUTH, prefer: 'wait=1' },
      payload: CREATE,
    });
    await settle();
    await slow.clock.advance(1000);
    expect((await pending).json()).toMatchObject({ status: { state: 'Pending' } });
  });

  it('tells of a failed provisioning to who waited for it', async () => {
    const pending = create({ env: { FAKE_FAIL: 'image.pull_failed' } }, { prefer: 'wait=10' });
    const { status, body } = await pending;
    expect(status).toBe(202);
    expect(body).toMatchObject({ status: { state: 'Failed', reason: 'PROVISIONING_ERROR' } });
  });
});

describe('GET /sandboxes/{id}', () => {
  it('shows the whole sandbox', async () => {
    const id = await test.running({
      metadata: { a: 'b' },
      timeout: 60,
      extensions: { 'opensandbox.extensions.x': '1' },
    });
    expect(await call('GET', `/sandboxes/${id}`)).toMatchObject({
      status: 200,
      body: {
        id,
        image: { uri: 'busybox' },
        status: {
          state: 'Running',
          reason: 'CONTAINER_RUNNING',
          message: 'Sandbox container is running.',
          lastTransitionAt: CREATED_AT,
        },
        metadata: { a: 'b' },
        extensions: { 'opensandbox.extensions.x': '1' },
        entrypoint: ['sleep', '999'],
        expiresAt: '2026-01-02T03:05:05.678000Z',
        createdAt: CREATED_AT,
      },
    });
  });

  it('answers 404 for an unknown id', async () => {
    expect(await call('GET', '/sandboxes/none')).toMatchObject(notFound('none'));
  });
});

describe('GET /sandboxes', () => {
  const list = async (query: string) => {
    const { status, body } = await call('GET', `/sandboxes${query}`);
    expect(status).toBe(200);
    const { items, pagination } = body as { items: { id: string }[]; pagination: unknown };
    return { ids: items.map(({ id }) => id), pagination };
  };

  it('is empty at first', async () => {
    expect(await call('GET', '/sandboxes')).toMatchObject({
      status: 200,
      body: {
        items: [],
        pagination: { page: 1, pageSize: 20, totalItems: 0, totalPages: 0, hasNextPage: false },
      },
    });
  });

  it('pages from the newest to the oldest', async () => {
    const ids: string[] = [];
    for (let made = 0; made < 3; made += 1) {
      ids.unshift(await test.running());
      await test.clock.advance(1000);
    }
    expect(await list('?pageSize=2')).toEqual({
      ids: ids.slice(0, 2),
      pagination: { page: 1, pageSize: 2, totalItems: 3, totalPages: 2, hasNextPage: true },
    });
    expect(await list('?page=7&page=2&pageSize=2&page_size=9')).toEqual({
      ids: ids.slice(2),
      pagination: { page: 2, pageSize: 2, totalItems: 3, totalPages: 2, hasNextPage: false },
    });
    expect(await list('?page=9999')).toMatchObject({
      ids: [],
      pagination: { page: 9999, hasNextPage: false },
    });
  });

  it('filters by state and metadata', async () => {
    const paused = await test.running({ metadata: { team: 'infra', note: '' } });
    const running = await test.running({ metadata: { team: 'web' } });
    await call('POST', `/sandboxes/${paused}/pause`);
    expect((await list('?state=running&state=PAUSED')).ids).toHaveLength(2);
    expect((await list('?state=Running,Paused')).ids).toEqual([]);
    expect((await list('?state=')).ids).toEqual([]);
    expect((await list('?state=pAused')).ids).toEqual([paused]);
    expect((await list('?metadata=team%3Dweb')).ids).toEqual([running]);
    expect((await list('?metadata=note%3D')).ids).toEqual([paused]);
  });

  it('refuses a metadata filter that is no list of pairs', async () => {
    expect(await call('GET', '/sandboxes?metadata=team%3Dinfra%26broken')).toMatchObject({
      status: 400,
      body: {
        code: 'INVALID_METADATA_FORMAT',
        message: "Invalid metadata format: bad query field: 'broken'",
      },
    });
  });

  it.each(['page=0', 'pageSize=201', 'page=abc'])('refuses ?%s with 422', async (query) => {
    const { status, body } = await call('GET', `/sandboxes?${query}`);
    expect(status).toBe(422);
    expect(body).toMatchObject({ detail: [{ loc: ['query', query.split('=')[0]] }] });
  });
});

describe('DELETE /sandboxes/{id}', () => {
  it('answers 204 once it is gone, then 404', async () => {
    const id = await test.running();
    expect(await call('DELETE', `/sandboxes/${id}`)).toMatchObject({ status: 204, body: undefined });
    expect(test.driver.engine.ids).toEqual([]);
    expect(await call('DELETE', `/sandboxes/${id}`)).toMatchObject(notFound(id));
    expect(await call('GET', `/sandboxes/${id}`)).toMatchObject(notFound(id));
  });
});

describe('PATCH /sandboxes/{id}/metadata', () => {
  const patch = (id: string, payload?: InjectOptions['payload']) =>
    call('PATCH', `/sandboxes/${id}/metadata`, payload, { 'content-type': 'application/merge-patch+json' });

  it('merges, deletes and keeps', async () => {
    const id = await test.running({ metadata: { old: '1' } });
    expect(await patch(id, { a: '1', gone: null, old: null })).toMatchObject({
      status: 200,
      body: { id, metadata: { a: '1' } },
    });
    expect((await patch(id, { b: '2' })).body).toHaveProperty('metadata', { a: '1', b: '2' });
    expect((await patch(id, {})).body).toHaveProperty('metadata', { a: '1', b: '2' });
    expect((await patch(id, { a: null, b: null })).body).not.toHaveProperty('metadata');
  });

  it('refuses reserved keys, even to delete them', async () => {
    const id = await test.running();
    expect(await patch(id, { 'opensandbox.io/x': null })).toMatchObject({
      status: 400,
      body: {
        code: 'INVALID_METADATA_LABEL',
        message: "Metadata key 'opensandbox.io/x' is reserved (opensandbox.io/ prefix).",
      },
    });
  });

  it.each([
    [{ a: 1 }, 'string_type'],
    [[], 'dict_type'],
    [undefined, 'missing'],
  ])('refuses %j with 422', async (payload, type) => {
    const id = await test.running();
    const answer = await patch(id, payload);
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ detail: [{ type }] });
  });

  it('answers 404 for an unknown id before it looks at the keys', async () => {
    expect(await patch('none', { 'opensandbox.io/x': '1' })).toMatchObject(notFound('none'));
  });
});

describe('POST /sandboxes/{id}/renew-expiration', () => {
  const renew = (id: string, payload: object) => call('POST', `/sandboxes/${id}/renew-expiration`, payload);

  it('sets a new deadline and tells it with microseconds, then and later', async () => {
    const id = await test.running({ timeout: 3600 });
    expect(await renew(id, { expiresAt: '2030-01-01T08:00:00.123456789+08:00' })).toMatchObject({
      status: 200,
      body: { expiresAt: '2030-01-01T00:00:00.123456Z' },
    });
    expect((await call('GET', `/sandboxes/${id}`)).body).toHaveProperty(
      'expiresAt',
      '2030-01-01T00:00:00.123456Z',
    );
  });

  it('may come closer', async () => {
    const id = await test.running({ timeout: 3600 });
    expect(await renew(id, { expires_at: '2026-01-02T03:05:00Z' })).toMatchObject({
      status: 200,
      body: { expiresAt: '2026-01-02T03:05:00Z' },
    });
  });

  it('refuses the past and sandboxes without a deadline', async () => {
    const id = await test.running({ timeout: 3600 });
    expect(await renew(id, { expiresAt: '2020-01-01' })).toMatchObject({
      status: 400,
      body: { code: 'DOCKER::INVALID_EXPIRATION', message: 'New expiration time must be in the future.' },
    });
    const manual = await test.running();
    expect(await renew(manual, { expiresAt: '2030-01-01' })).toMatchObject({
      status: 409,
      body: {
        code: 'DOCKER::INVALID_EXPIRATION',
        message: `Sandbox ${manual} does not have automatic expiration enabled.`,
      },
    });
    expect(await renew('none', { expiresAt: '2020-01-01' })).toMatchObject(notFound('none'));
  });

  it.each([{}, { expiresAt: 'nope' }, { expiresAt: null }])('refuses %j with 422', async (payload) => {
    const id = await test.running({ timeout: 3600 });
    expect((await renew(id, payload)).status).toBe(422);
  });
});

describe('pause and resume', () => {
  const state = async (id: string) =>
    ((await call('GET', `/sandboxes/${id}`)).body as { status: { state: string } }).status.state;

  it('freeze and thaw, whatever body comes along', async () => {
    const id = await test.running();
    const json = { 'content-type': 'application/json' };
    const paused = await call('POST', `/sandboxes/${id}/pause`, '{bad', json);
    expect(paused).toMatchObject({ status: 202, body: undefined });
    expect(paused.headers).toMatchObject({ 'content-length': '0' });
    expect(paused.headers).not.toHaveProperty('content-type');
    expect(await state(id)).toBe('Paused');
    expect(await call('POST', `/sandboxes/${id}/pause`)).toMatchObject({
      status: 409,
      body: { code: 'DOCKER::SANDBOX_NOT_RUNNING', message: 'Sandbox is not in a running state.' },
    });
    expect((await call('POST', `/sandboxes/${id}/resume`)).status).toBe(202);
    expect(await state(id)).toBe('Running');
    expect(await call('POST', `/sandboxes/${id}/resume`)).toMatchObject({
      status: 409,
      body: { code: 'DOCKER::SANDBOX_NOT_PAUSED', message: 'Sandbox is not in a paused state.' },
    });
  });

  it('refuse what has ended, and what never was', async () => {
    const id = await test.running({ env: { FAKE_EXIT_AFTER_MS: '10', FAKE_EXIT_CODE: '3' } });
    await test.clock.advance(10);
    expect(await call('POST', `/sandboxes/${id}/pause`)).toMatchObject({ status: 409 });
    expect(await call('POST', '/sandboxes/none/resume')).toMatchObject(notFound('none'));
  });
});
