import { Fault } from '@opensandbox/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AUTH, CREATE, openTestApp, type TestApp } from './support/test-app.ts';

let test: TestApp;

beforeEach(async () => {
  test = await openTestApp();
});

afterEach(() => test[Symbol.asyncDispose]());

function get(id: string, rest: string) {
  return test.app.inject({ url: `/v1/sandboxes/${id}/diagnostics/${rest}`, headers: AUTH });
}

const LOGGING = { env: { FAKE_LOG: 'one\ntwo\nthree' } };

describe('the plain texts', () => {
  it.each([
    ['logs', 'one\ntwo\nthree\n', 'true'],
    ['logs?tail=1', 'three\n', 'true'],
    ['events', 'Status: running\n', 'true'],
    ['inspect', 'Status: running\n', undefined],
  ])('%s', async (rest, text, deprecation) => {
    const id = await test.running(LOGGING);
    const answer = await get(id, rest);
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe(text);
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.headers['deprecation']).toBe(deprecation);
    expect(answer.headers['warning']).toBeUndefined();
  });

  it('say that there are no logs', async () => {
    expect((await get(await test.running(), 'logs')).body).toBe('(no logs)');
  });

  it('are summed up', async () => {
    const id = await test.running(LOGGING);
    const answer = await get(id, 'summary?tail=2&event_limit=5');
    expect(answer.headers['deprecation']).toBeUndefined();
    expect(answer.body.split('\n')).toEqual([
      '='.repeat(72),
      'SANDBOX DIAGNOSTICS SUMMARY',
      `Sandbox ID: ${id}`,
      '='.repeat(72),
      '',
      '-'.repeat(40),
      'INSPECT',
      '-'.repeat(40),
      'Status: running',
      '',
      '-'.repeat(40),
      'EVENTS',
      '-'.repeat(40),
      'Status: running',
      '',
      '-'.repeat(40),
      'LOGS (last 2 lines)',
      '-'.repeat(40),
      'two',
      'three',
      '',
    ]);
  });

  it('warn of an age that they take otherwise than it was written', async () => {
    const id = await test.running(LOGGING);
    const answer = await get(id, 'logs?since=yesterday');
    expect(answer.statusCode).toBe(200);
    expect(String(answer.headers['warning'])).toMatch(/^299 - "'since' is no age/);
  });

  it('are a JSON error when the engine is away, but for the summary', async () => {
    const id = await test.running(LOGGING);
    test.driver.engine.goAway();
    for (const rest of ['logs', 'events', 'inspect']) {
      const answer = await get(id, rest);
      expect(answer.statusCode).toBe(503);
      expect(answer.json()).toMatchObject({ code: 'DOCKER::SANDBOX_QUERY_FAILED' });
    }
    const summary = await get(id, 'summary');
    expect(summary.statusCode).toBe(200);
    expect(summary.body).toContain('[error] Failed to collect log diagnostics.');
  });

  it('give no details of what failed', async () => {
    const id = await test.running(LOGGING);
    for (let part = 0; part < 3; part += 1) {
      test.driver.engine.failNext('diagnose', new Fault('internal', 'engine.failed', 'password=hunter2'));
    }
    const summary = await get(id, 'summary');
    for (const what of ['inspect', 'event', 'log']) {
      expect(summary.body).toContain(`[error] Failed to collect ${what} diagnostics.`);
    }
    expect(summary.body).not.toContain('hunter2');
  });

  it('tell what is known of a sandbox that is being made', async () => {
    const payload = { ...CREATE, env: { FAKE_IMAGE_MS: '60000' } };
    const made = await test.app.inject({ method: 'POST', url: '/v1/sandboxes', headers: AUTH, payload });
    const { id } = made.json<{ id: string }>();
    expect((await get(id, 'logs')).body).toBe('(no logs)');
    expect((await get(id, 'inspect')).body).toContain('Status:         Pending\n');
    expect((await get(id, 'events')).body).toContain('PreparingImage');
    expect((await get(id, 'summary')).statusCode).toBe(200);
  });
});

describe('the descriptors', () => {
  it('carry a log', async () => {
    const id = await test.running(LOGGING);
    const answer = await get(id, 'logs?scope=container');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['deprecation']).toBeUndefined();
    expect(answer.json()).toEqual({
      sandboxId: id,
      kind: 'logs',
      scope: 'container',
      delivery: 'inline',
      contentType: 'text/plain; charset=utf-8',
      content: 'one\ntwo\nthree\n',
      contentLength: 14,
      truncated: false,
    });
  });

  it.each(['container', 'lifecycle', 'runtime', 'network', 'process', 'all'])(
    'exist for %s',
    async (scope) => {
      const id = await test.running(LOGGING);
      for (const kind of ['logs', 'events']) {
        const answer = await get(id, `${kind}?scope=${scope}`);
        expect(answer.statusCode).toBe(200);
        expect(answer.json()).toMatchObject({ kind, scope, delivery: 'inline' });
      }
    },
  );

  it('warn of what could not be read', async () => {
    const id = await test.running(LOGGING);
    test.driver.engine.goAway();
    const answer = await get(id, 'logs?scope=all&since=x');
    expect(answer.statusCode).toBe(200);
    const { content, warnings } = answer.json<{ content: string; warnings: string[] }>();
    expect(content).toContain(' lifecycle Ready ');
    expect(warnings[0]).toContain("'since' is no age");
    expect(warnings).toHaveLength(5);
  });

  it.each(['x', '', 'Container'])('do not exist for the scope %j, whatever the sandbox', async (scope) => {
    for (const kind of ['logs', 'events']) {
      const answer = await get('none', `${kind}?scope=${scope}`);
      expect(answer.statusCode).toBe(501);
      expect(answer.json()).toEqual({
        code: 'DIAGNOSTICS_NOT_IMPLEMENTED',
        message: expect.stringContaining('container, lifecycle, runtime') as string,
      });
    }
  });
});

describe('every diagnostic', () => {
  const all = ['logs', 'events', 'inspect', 'summary', 'logs?scope=all', 'events?scope=lifecycle'];

  it.each(all)('%s is not found for a sandbox that is not there', async (rest) => {
    const answer = await get('none', rest);
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual({
      code: 'DOCKER::SANDBOX_NOT_FOUND',
      message: 'Sandbox none not found.',
    });
  });

  it.each(all)('%s is not found for a sandbox that was deleted', async (rest) => {
    const id = await test.running();
    await test.app.inject({ method: 'DELETE', url: `/v1/sandboxes/${id}`, headers: AUTH });
    expect((await get(id, rest)).statusCode).toBe(404);
  });

  it.each([
    'logs?tail=0',
    'logs?tail=x&scope=y',
    'events?limit=501',
    'summary?tail=0',
    'summary?event_limit=x',
  ])('refuses %s with 422', async (rest) => {
    expect((await get('none', rest)).statusCode).toBe(422);
  });

  it('needs the API key', async () => {
    const answer = await test.app.inject({ url: '/v1/sandboxes/none/diagnostics/logs' });
    expect(answer.statusCode).toBe(401);
  });
});
