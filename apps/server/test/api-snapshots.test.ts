import { settle } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AUTH, type TestApp, openTestApp } from './support/test-app.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const AT = '2026-01-02T03:04:05.678000Z';

let test: TestApp;

beforeEach(async () => {
  test = await openTestApp({ engine: { captureMs: 4_000 } });
});

afterEach(async () => {
  await test.clock.advance(10_000);
  await test[Symbol.asyncDispose]();
});

async function call(method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object | string) {
  const answer = await test.app.inject({
    method,
    url,
    headers: AUTH,
    ...(payload === undefined ? {} : { payload }),
  });
  const body = answer.body === '' ? undefined : answer.json<Readonly<Record<string, unknown>>>();
  return { status: answer.statusCode, location: answer.headers.location, body };
}

const code = (answer: { readonly status: number; readonly body: unknown }): unknown => [
  answer.status,
  (answer.body as { code?: unknown } | undefined)?.code,
];

async function take(sandbox: string, payload?: object): Promise<string> {
  const { body } = await call('POST', `/v1/sandboxes/${sandbox}/snapshots`, payload);
  return String(body?.['id']);
}

async function made(sandbox: string, payload?: object): Promise<string> {
  const id = await take(sandbox, payload);
  await test.clock.advance(5_000);
  return id;
}

const restore = (snapshotId: string, extra: object = {}) =>
  call('POST', '/v1/sandboxes', { snapshotId, resourceLimits: {}, ...extra });

describe('POST /sandboxes/{id}/snapshots', () => {
  it.each([[undefined], ['null'], [{}], [{ name: null }], [{ name: ' ', more: 1 }]])(
    'accepts %j',
    async (sent) => {
      const sandbox = await test.running();
      const payload = typeof sent === 'string' ? sent : sent;
      const answer = await test.app.inject({
        method: 'POST',
        url: `/sandboxes/${sandbox}/snapshots`,
        headers: { ...AUTH, ...(payload === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(payload === undefined ? {} : { payload }),
      });
      const body = answer.json<{ id: string }>();
      expect(answer.statusCode).toBe(202);
      expect(answer.headers.location).toBe(`/v1/snapshots/${body.id}`);
      expect(body).toEqual({
        id: expect.stringMatching(UUID) as string,
        sandboxId: sandbox,
        ...(typeof sent === 'object' && 'more' in sent ? { name: ' ' } : {}),
        status: {
          state: 'Creating',
          reason: 'snapshot_accepted',
          message: 'Snapshot creation accepted.',
          lastTransitionAt: AT,
        },
        createdAt: AT,
      });
    },
  );

  it('refuses an empty name, a sandbox that is not there, and one that does not run', async () => {
    const sandbox = await test.running();
    expect((await call('POST', `/v1/sandboxes/${sandbox}/snapshots`, { name: '' })).status).toBe(422);
    expect(code(await call('POST', '/v1/sandboxes/none/snapshots', {}))).toEqual([
      404,
      'DOCKER::SANDBOX_NOT_FOUND',
    ]);
    test.driver.engine.kill(test.driver.engine.ids[0] ?? ('' as never));
    await settle(20);
    const refused = await call('POST', `/v1/sandboxes/${sandbox}/snapshots`, {});
    expect(code(refused)).toEqual([409, 'SNAPSHOT::INVALID_SOURCE_STATE']);
    expect(refused.body?.['message']).toMatch(/^Snapshot can only be created from a Running sandbox/);
  });
});

describe('GET /snapshots', () => {
  it('shows what became of each, and why', async () => {
    const sandbox = await test.running();
    const [first, second] = [await take(sandbox, { name: 'a' }), await take(sandbox)];
    const removal = call('DELETE', `/v1/sandboxes/${sandbox}`);
    await settle(20);
    await test.clock.advance(5_000);
    expect((await removal).status).toBe(204);
    expect((await call('GET', `/snapshots/${first}`)).body).toMatchObject({
      name: 'a',
      status: {
        state: 'Ready',
        reason: 'snapshot_runtime_ready',
        lastTransitionAt: '2026-01-02T03:04:09.678000Z',
      },
    });
    const failed = (await call('GET', `/v1/snapshots/${second}`)).body as { status: { message: string } };
    expect(failed).toMatchObject({ status: { state: 'Failed', reason: 'snapshot_runtime_failed' } });
    expect(failed.status.message).toBe(`DOCKER::SANDBOX_NOT_FOUND: Sandbox ${sandbox} not found.`);
    const list = await call('GET', '/v1/snapshots?pageSize=1');
    expect(list.body).toEqual({
      items: [expect.objectContaining({ id: second })],
      pagination: { page: 1, pageSize: 1, totalItems: 2, totalPages: 2, hasNextPage: true },
    });
  });

  it('tells how far a capture is', async () => {
    const sandbox = await test.running();
    const [first, second] = [await take(sandbox), await take(sandbox)];
    await test.clock.advance(2_000);
    const message = async (id: string): Promise<unknown> =>
      ((await call('GET', `/v1/snapshots/${id}`)).body as { status: { message: string } }).status.message;
    expect(await message(first)).toBe('Copying the file system: 2 s so far.');
    expect(await message(second)).toBe('Waiting for its turn: 1 snapshot is before it.');
  });
});

describe('a sandbox that is being captured', () => {
  it('shows as Running, cannot be paused or resumed, and its snapshot cannot be deleted', async () => {
    const sandbox = await test.running();
    const id = await take(sandbox);
    await test.clock.advance(1_000);
    expect((await call('GET', `/v1/sandboxes/${sandbox}`)).body).toMatchObject({
      status: { state: 'Running' },
    });
    for (const verb of ['pause', 'resume']) {
      const refused = await call('POST', `/v1/sandboxes/${sandbox}/${verb}`);
      expect(code(refused)).toEqual([409, 'DOCKER::SANDBOX_NOT_RUNNING']);
    }
    expect(code(await call('DELETE', `/v1/snapshots/${id}`))).toEqual([409, 'SNAPSHOT::INVALID_STATE']);
  });
});

describe('restoring', () => {
  it('runs what the request says, and shows the snapshot in place of an image', async () => {
    const source = await test.running({ metadata: { team: 'a' } });
    const id = await made(source);
    const idle = await restore(id);
    expect(idle.status).toBe(202);
    expect(idle.body).toMatchObject({ entrypoint: ['tail', '-f', '/dev/null'] });
    expect(idle.body).not.toHaveProperty('metadata');
    await settle(20);
    const shown = (await call('GET', `/v1/sandboxes/${String(idle.body?.['id'])}`)).body;
    expect(shown).toMatchObject({ snapshotId: id, entrypoint: ['tail', '-f', '/dev/null'] });
    expect(shown).not.toHaveProperty('image');
    expect(shown).not.toHaveProperty('metadata');
    const busy = await restore(id, { entrypoint: ['sleep', '9'] });
    expect(busy.body).toMatchObject({ entrypoint: ['sleep', '9'] });
  });

  it('is refused for a snapshot that is unknown, not ready, or has lost its image', async () => {
    const sandbox = await test.running();
    expect(code(await restore('nope'))).toEqual([404, 'SNAPSHOT::NOT_FOUND']);
    const id = await take(sandbox);
    const early = await restore(id);
    expect(code(early)).toEqual([409, 'SNAPSHOT::NOT_READY']);
    expect(early.body?.['message']).toBe(`Snapshot ${id} is not ready for restore.`);
    await test.clock.advance(5_000);
    test.driver.engine.images.remove(id);
    expect(code(await restore(id))).toEqual([409, 'SNAPSHOT::INVALID_RESTORE_CONFIG']);
    const both = await restore(id, { image: { uri: 'busybox' }, entrypoint: ['x'] });
    expect(both.status).toBe(422);
  });
});

describe('DELETE /snapshots/{id}', () => {
  it('is refused while a sandbox uses it, and then takes it away', async () => {
    const id = await made(await test.running());
    const copy = String((await restore(id)).body?.['id']);
    await settle(20);
    const refused = await call('DELETE', `/v1/snapshots/${id}`);
    expect(code(refused)).toEqual([409, 'SNAPSHOT::DELETE_CONFLICT']);
    expect((await call('GET', `/v1/snapshots/${id}`)).body).toMatchObject({
      status: { state: 'Deleting', reason: 'snapshot_delete_requested' },
    });
    expect(code(await restore(id))).toEqual([409, 'SNAPSHOT::NOT_READY']);
    await call('DELETE', `/v1/sandboxes/${copy}`);
    expect(await call('DELETE', `/v1/snapshots/${id}`)).toMatchObject({ status: 204, body: undefined });
    expect(code(await call('DELETE', `/v1/snapshots/${id}`))).toEqual([404, 'SNAPSHOT::NOT_FOUND']);
  });
});
