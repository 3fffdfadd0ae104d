import { expect } from 'vitest';
import { eventually, runCommand } from '../../support/event-lines.ts';
import { call, expectError, jsonOf } from '../row.ts';
import type { Row } from '../row.ts';
import type { Site } from '../site.ts';

interface Status {
  readonly id: string;
  readonly content: string;
  readonly running: boolean;
  readonly exit_code?: number;
  readonly error?: string;
  readonly started_at: string;
  readonly finished_at?: string;
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const CURSOR = 'EXECD-COMMANDS-TAIL-CURSOR';

async function statusOf(site: Site, id: string): Promise<Status> {
  return jsonOf<Status>(await call(site, 'GET', `/command/status/${id}`));
}

async function finished(site: Site, id: string): Promise<Status> {
  return eventually(async () => {
    const status = await statusOf(site, id);
    return status.running ? undefined : status;
  }, 20_000);
}

async function start(site: Site, command: string, more: object = {}): Promise<string> {
  const { id, events } = await runCommand(site.url, command, { background: true, ...more });
  expect(events.map((event) => event.type)).toEqual(['init', 'execution_complete']);
  return id;
}

/** Commands that are started and asked for later. */
export const BACKGROUND: readonly Row[] = [
  {
    key: 'T34',
    name: 'a background command answers at once and has a status all the time',
    async run(site) {
      const command = 'echo a; echo b >&2; sleep 2; exit 4';
      const started = Date.now();
      const id = await start(site, command);
      expect(Date.now() - started).toBeLessThan(2000);
      const running = await statusOf(site, id);
      expect(running).toEqual({
        id,
        content: command,
        running: true,
        started_at: expect.stringMatching(RFC3339) as string,
      });
      const done = await finished(site, id);
      expect(done).toMatchObject({ running: false, exit_code: 4, error: 'exit status 4' });
      expect(done.finished_at).toMatch(RFC3339);
    },
  },
  {
    key: 'T35',
    name: 'output is read from any place on, and tells where to read on',
    async run(site) {
      const id = await start(site, 'echo a; echo b >&2');
      await finished(site, id);
      const logs = async (query: string): Promise<[string, string | null]> => {
        const answer = await call(site, 'GET', `/command/${id}/logs${query}`);
        expect(answer.status).toBe(200);
        expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
        return [await answer.text(), answer.headers.get(CURSOR)];
      };
      expect(await logs('')).toEqual(['a\nb\n', '4']);
      expect(await logs('?cursor=2')).toEqual(['b\n', '4']);
      expect(await logs('?cursor=abc')).toEqual(['a\nb\n', '4']);
      expect(await logs('?cursor=99')).toEqual(['', '99']);
      const refused = await call(site, 'GET', `/command/${id}/logs?cursor=-1`);
      await expectError(refused, 400, 'INVALID_REQUEST_BODY');
    },
  },
  {
    key: 'T36',
    name: 'what is not known is said to be so',
    async run(site) {
      const { id } = await runCommand(site.url, 'true');
      const code = 'INVALID_REQUEST_BODY';
      await expectError(
        await call(site, 'GET', `/command/${id}/logs`),
        400,
        code,
        /not running in background/,
      );
      await expectError(await call(site, 'GET', '/command/unknown/logs'), 400, code, /not found/);
      await expectError(await call(site, 'GET', '/command/status/unknown'), 404, code, /not found/);
    },
  },
  {
    key: 'T37',
    name: 'a timeout ends a background command',
    async run(site) {
      const id = await start(site, 'sleep 30', { timeout: 500 });
      expect(await finished(site, id)).toMatchObject({ exit_code: -1, error: 'signal: killed' });
    },
  },
];
