import { Fault } from '@opensandbox/base';
import { FakeClock, captureLog } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { parseEndpoint } from './read-answers.ts';
import type { ServerAnswer } from './server-answer.ts';
import { createServerDirectory } from './server-directory.ts';

const never = new AbortController().signal;
const running = { status: 200, body: { id: 'a', status: { state: 'Running' } } };

function setUp(answers: Record<string, ServerAnswer | Fault>, way: 'direct' | 'proxy' = 'direct') {
  const asked: string[] = [];
  const clock = new FakeClock();
  const log = captureLog();
  const api = {
    get: async (path: string): Promise<ServerAnswer> => {
      asked.push(path);
      const answer = answers[path] ?? { status: 404, body: { code: 'DOCKER::SANDBOX_NOT_FOUND' } };
      if (answer instanceof Fault) throw answer;
      return answer;
    },
    close: async () => undefined,
  };
  const directory = createServerDirectory({ way, freshMs: 5_000 }, { api, clock, log });
  return { asked, directory, clock, log };
}

const endpoint = (text: string, headers?: Record<string, string>): ServerAnswer => ({
  status: 200,
  body: { endpoint: text, ...(headers === undefined ? {} : { headers }) },
});

describe('the directory of a server', () => {
  it('asks for the sandbox and the port, once', async () => {
    const { asked, directory } = setUp({
      '/sandboxes/a': running,
      '/sandboxes/a/endpoints/44772': endpoint('host:40001/proxy/44772', {
        'opensandbox-secure-access': 't',
      }),
      '/sandboxes/a/endpoints/3000': endpoint('host:40001/proxy/3000'),
    });
    for (let round = 0; round < 3; round += 1) {
      const entry = await directory.find('a', never);
      expect(entry.accessToken).toBe('t');
      expect(await entry.dial(3000, never)).toEqual({ host: 'host', port: 40001, basePath: '/proxy/3000' });
    }
    expect(asked).toHaveLength(3);
    expect(directory.health()).toEqual({ isFresh: true, ageMs: 0, sandboxes: 1 });
  });

  it('asks for the way through the server where that is wanted', async () => {
    const { asked, directory } = setUp(
      {
        '/sandboxes/a': running,
        '/sandboxes/a/endpoints/44772?use_server_proxy=true': endpoint('server:8080/sandboxes/a/proxy/44772'),
      },
      'proxy',
    );
    await directory.find('a', never);
    expect(asked).toContain('/sandboxes/a/endpoints/44772?use_server_proxy=true');
  });

  it.each<[ServerAnswer | Fault, string]>([
    [{ status: 404, body: { code: 'X' } }, 'sandbox.not_found'],
    [{ status: 200, body: { status: { state: 'Pending' } } }, 'sandbox.not_ready'],
    [{ status: 200, body: { status: { state: 'Paused' } } }, 'sandbox.not_ready'],
    [{ status: 200, body: { status: {} } }, 'source.unexpected'],
    [{ status: 200, body: undefined }, 'source.unexpected'],
    [{ status: 401, body: {} }, 'source.unexpected'],
    [{ status: 500, body: 'x' }, 'source.unexpected'],
    [{ status: 503, body: {} }, 'source.away'],
    [new Fault('unavailable', 'source.away', 'away'), 'source.away'],
  ])('turns %j into %s', async (answer, code) => {
    const { directory } = setUp({ '/sandboxes/a': answer });
    await expect(directory.find('a', never)).rejects.toMatchObject({ code });
  });

  it('is not fresh while the server is away, says so once, and goes on with what it knows', async () => {
    const answers: Record<string, ServerAnswer | Fault> = {
      '/sandboxes/a': running,
      '/sandboxes/a/endpoints/44772': endpoint('host:1'),
    };
    const { directory, clock, log } = setUp(answers);
    await directory.find('a', never);
    answers['/sandboxes/a'] = new Fault('unavailable', 'source.away', 'away');
    for (let round = 0; round < 3; round += 1) {
      await clock.advance(10_000);
      await directory.find('a', never);
    }
    expect(directory.health()).toMatchObject({ isFresh: false, ageMs: 30_000 });
    answers['/sandboxes/a'] = running;
    await clock.advance(10_000);
    await directory.find('a', never);
    expect(directory.health().isFresh).toBe(true);
    expect(log.lines.map(({ event }) => event)).toEqual(['source.away', 'source.back']);
  });

  it('encodes names that clients make up', async () => {
    const { asked, directory } = setUp({});
    await expect(directory.find('../x?y', never)).rejects.toMatchObject({ code: 'sandbox.not_found' });
    expect(asked).toEqual(['/sandboxes/..%2Fx%3Fy']);
  });

  it.each(['.', '..'])('has no sandbox %j, and does not ask for one', async (id) => {
    const { asked, directory } = setUp({});
    await expect(directory.find(id, never)).rejects.toMatchObject({ code: 'sandbox.not_found' });
    expect(asked).toEqual([]);
  });

  it('does not let those who wait for a turn find out one by one that the server is away', async () => {
    const clock = new FakeClock();
    const failing: (() => void)[] = [];
    const get = (): Promise<ServerAnswer> =>
      new Promise((_resolve, reject) => {
        failing.push(() => reject(new Fault('timeout', 'source.away', 'away')));
      });
    const api = { get, close: async () => undefined };
    const directory = createServerDirectory({ way: 'direct', freshMs: 0 }, { api, clock, log: captureLog() });
    const all = Promise.allSettled(
      Array.from({ length: 50 }, async (_, at) => directory.find(`${at}`, never)),
    );
    await clock.advance(10_000);
    const asked = failing.length;
    for (const fail of failing) fail();
    expect((await all).every(({ status }) => status === 'rejected')).toBe(true);
    expect(failing).toHaveLength(asked);

    const later = directory.find('later', never);
    await clock.advance(1);
    expect(failing).toHaveLength(asked + 1);
    failing.at(-1)?.();
    await expect(later).rejects.toMatchObject({ code: 'source.away' });
  });
});

describe('parseEndpoint', () => {
  it.each([
    ['127.0.0.1:40001', '127.0.0.1', 40001, ''],
    ['http://host:80/base/', 'host', 80, '/base'],
    ['host', 'host', 80, ''],
    ['[::1]:8080/proxy/1', '::1', 8080, '/proxy/1'],
  ])('reads %s', (text, host, port, basePath) => {
    expect(parseEndpoint(text)).toEqual({ host, port, basePath });
  });

  it.each(['', 'https://host:1', 'host:0', 'host:70000', 'user@host:1', 'host:1?x', 'a b', '::1:80'])(
    'refuses %j',
    (text) => {
      expect(parseEndpoint(text)).toBeUndefined();
    },
  );
});
