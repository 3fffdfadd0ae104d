import { expect } from 'vitest';
import { eventsOf, post, readEvents } from '../../support/event-lines.ts';
import { openSession } from '../../support/session-client.ts';
import { call, expectError, expectVoid, jsonOf } from '../row.ts';
import type { Row } from '../row.ts';

const AWKWARD = '$HOME `id` "q" \\ é \t|\nsecond line';

/** Shells that keep variables and directory. */
export const SESSIONS: readonly Row[] = [
  {
    key: 'T41',
    name: 'a session is made from no body at all or a directory to make',
    async run(site) {
      const directory = `${await site.directory()}/new/dir`;
      const made = (text: string | undefined): Promise<Response> => call(site, 'POST', '/session', text);
      for (const body of [undefined, '', '{}', 'null', JSON.stringify({ cwd: directory })]) {
        const { session_id: id } = await jsonOf<{ session_id: string }>(await made(body));
        expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      }
      expect((await call(site, 'GET', `/files/info?path=${directory}`)).status).toBe(200);
      await expectError(await made('['), 400, 'INVALID_REQUEST_BODY', /^error parsing request\. /);
    },
  },
  {
    key: 'T42',
    name: 'the directory of a run stays for the next one',
    async run(site) {
      const session = await openSession(site.url, '/tmp');
      expect((await session.run('pwd')).stdout).toEqual(['/tmp']);
      expect((await session.run('pwd', { cwd: '/dev' })).stdout).toEqual(['/dev']);
      expect((await session.run('pwd')).stdout).toEqual(['/dev']);
    },
  },
  {
    key: 'T43',
    name: 'exported values come back byte for byte, as often as they are asked for',
    async run(site) {
      const session = await openSession(site.url);
      await session.run(`unset LANG LC_ALL; export ROW='${AWKWARD}'`);
      for (let run = 0; run < 2; run += 1) {
        expect((await session.run('printf %s "$ROW"')).stdout.join('\n')).toBe(AWKWARD);
      }
    },
  },
  {
    key: 'T44',
    name: 'what is not exported does not stay',
    async run(site) {
      const session = await openSession(site.url);
      await session.run("B=1; f() { echo f; }; alias a='echo a'; set -f");
      expect((await session.run('echo "[$B]"; case $- in *f*) echo no ;; esac')).stdout).toEqual(['[]']);
      expect((await session.run('f')).last.error?.evalue).toBe('127');
      expect((await session.run('a')).last.error?.evalue).toBe('127');
    },
  },
  {
    key: 'T45',
    name: 'a run may end its shell or become another program',
    async run(site) {
      const session = await openSession(site.url);
      expect((await session.run('exit 7')).last.error?.evalue).toBe('7');
      const became = await session.run('exec echo hi');
      expect(became).toMatchObject({ stdout: ['hi'], last: { type: 'execution_complete' } });
      expect((await session.run('echo ok')).stdout).toEqual(['ok']);
    },
  },
  {
    key: 'T46',
    name: 'the output of a run holds nothing but what the code wrote',
    async run(site) {
      const session = await openSession(site.url);
      expect((await session.run(`printf '{"foo":1}'`)).stdout).toEqual(['{"foo":1}']);
      expect((await session.run('true')).stdout).toEqual([]);
    },
  },
  {
    key: 'T47',
    name: 'text that looks like markers is output',
    async run(site) {
      const session = await openSession(site.url);
      const { stdout, last } = await session.run('echo __EXIT_CODE__:9; echo __ENV_DUMP_START__');
      expect(stdout).toEqual(['__EXIT_CODE__:9', '__ENV_DUMP_START__']);
      expect(last.type).toBe('execution_complete');
    },
  },
  {
    key: 'T48',
    name: 'standard error is among the output, the id is the session',
    async run(site) {
      const session = await openSession(site.url);
      const { id, stdout, stderr, last } = await session.run("sh -c 'echo e >&2; exit 7'");
      expect({ id, stdout, stderr }).toEqual({ id: session.id, stdout: ['e'], stderr: [] });
      expect(last.error).toMatchObject({ ename: 'CommandExecError', evalue: '7' });
    },
  },
  {
    key: 'T49',
    name: 'a timeout ends the run and not the session',
    async run(site) {
      const session = await openSession(site.url);
      const started = Date.now();
      expect((await session.run('sleep 30; true', { timeout: 1000 })).last.type).toBe('error');
      expect(Date.now() - started).toBeLessThan(10_000);
      expect((await session.run('echo ok')).stdout).toEqual(['ok']);
    },
  },
  {
    key: 'T50',
    name: 'sessions and directories that are not there are refused',
    async run(site) {
      const run = (id: string, body: unknown): Promise<Response> =>
        post(site.url, `/session/${id}/run`, body);
      const unknown = await run('unknown', { command: 'true' });
      await expectError(unknown, 500, 'RUNTIME_ERROR', /^error running in session\. /);
      await expectError(await call(site, 'DELETE', '/session/unknown'), 404, 'CONTEXT_NOT_FOUND');
      const session = await openSession(site.url);
      const nowhere = { command: 'true', cwd: '/no/such/directory' };
      await expectError(await run(session.id, nowhere), 400, 'INVALID_REQUEST_BODY');
      await expectError(await run(session.id, { command: '' }), 400, 'INVALID_REQUEST_BODY');
      await expectError(await run(session.id, { command: 'true', timeout: -1 }), 400, 'INVALID_REQUEST_BODY');
      await expectVoid(await session.delete());
      await expectError(await session.delete(), 404, 'CONTEXT_NOT_FOUND', /^session .* not found$/);
    },
  },
  {
    key: 'T51',
    name: 'deleting a session ends what runs in it',
    async run(site) {
      const session = await openSession(site.url);
      const response = await session.start('echo started; sleep 30; true');
      const kinds: string[] = [];
      const started = Date.now();
      for await (const event of eventsOf(response)) {
        kinds.push(event.type);
        if (event.type === 'stdout') await expectVoid(await session.delete());
      }
      expect(Date.now() - started).toBeLessThan(10_000);
      expect(kinds.at(-1)).toBe('error');
    },
  },
  {
    key: 'T51-interrupt',
    name: 'interrupting a session ends its run and the session',
    async run(site) {
      const session = await openSession(site.url);
      const response = await session.start('sleep 30; true');
      await expectVoid(await call(site, 'DELETE', `/command?id=${session.id}`));
      expect(readEvents(await response.text()).last.error?.evalue).toBe('-1');
      await expectError(await session.delete(), 404, 'CONTEXT_NOT_FOUND');
    },
  },
];
