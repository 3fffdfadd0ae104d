import { expect } from 'vitest';
import { eventually, eventsOf, post, runCommand } from '../../support/event-lines.ts';
import { call, inQuery } from '../row.ts';
import type { Row } from '../row.ts';
import type { Site } from '../site.ts';

/** A row that runs one command and looks at its lines of standard output. */
function lines(key: string, name: string, command: string, wanted: readonly string[]): Row {
  return {
    key,
    name,
    async run(site) {
      const { stdout, last } = await runCommand(site.url, command);
      expect(stdout).toEqual(wanted);
      expect(last.type).toBe('execution_complete');
    },
  };
}

/** A row that runs one command and looks at how it ended. */
function ends({ key, name }: Pick<Row, 'key' | 'name'>, command: string, code: string, reason: string): Row {
  return {
    key,
    name,
    async run(site) {
      const { events } = await runCommand(site.url, command);
      expect(events.filter((event) => event.type === 'execution_complete')).toEqual([]);
      expect(events.at(-1)?.error).toEqual({ ename: 'CommandExecError', evalue: code, traceback: [reason] });
    },
  };
}

async function exists(site: Site, path: string): Promise<true | undefined> {
  return (await call(site, 'GET', `/files/info?${inQuery(path)}`)).ok ? true : undefined;
}

/** What a foreground command's stream looks like. */
export const OUTPUT: readonly Row[] = [
  {
    key: 'T08',
    name: 'a command tells its id, its output and its end, with the time of each',
    async run(site) {
      const response = await post(site.url, '/command', { command: 'echo hi' });
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache',
        'x-accel-buffering': 'no',
      });
      const raw = await response.text();
      expect(raw.endsWith('\n\n')).toBe(true);
      const events = raw.split('\n\n').slice(0, -1).map((line) => JSON.parse(line) as { timestamp: number }); // prettier-ignore
      for (const { timestamp } of events) expect(Number.isInteger(timestamp)).toBe(true);
      const told = events.filter((event) => !('text' in event && event.text === 'pong'));
      expect(told).toMatchObject([
        { type: 'init', text: expect.stringMatching(/^[0-9a-f]{32}$/) as string },
        { type: 'stdout', text: 'hi' },
        { type: 'execution_complete' },
      ]);
    },
  },
  {
    key: 'T09',
    name: 'a stream is lines of JSON without a field name, its second a ping',
    async run(site) {
      const { raw } = await runCommand(site.url, 'echo hi');
      const rows = raw.split('\n\n').slice(0, -1);
      for (const row of rows) expect(row).toMatch(/^\{[^\n]*\}$/);
      expect(rows[1]).toContain('"type":"ping"');
    },
  },
  lines('T10', 'an empty line is a line feed', "printf 'a\\n\\nb\\n\\n\\nc\\n'", [
    'a',
    '\n',
    'b',
    '\n',
    '\n',
    'c',
  ]),
  lines('T11', 'either terminator and both together end a line', "printf 'x\\r\\ny\\rz'", ['x', 'y', 'z']),
  lines('T12', 'an unterminated line comes before the end', "printf 'no-newline'", ['no-newline']),
  lines('T13', 'a line written in two parts is one event', "printf 'p1'; sleep 1; printf 'p2\\n'", ['p1p2']),
  {
    key: 'T14',
    name: 'a line of 256 KiB is one event',
    async run(site) {
      const { stdout } = await runCommand(site.url, "head -c 262144 /dev/zero | tr '\\0' x");
      expect(stdout.map((line) => line.length)).toEqual([262_144]);
      expect(new Set(stdout[0])).toEqual(new Set('x'));
    },
  },
  {
    key: 'T15',
    name: 'characters that some clients take for line ends are escaped',
    async run(site) {
      const { raw, stdout } = await runCommand(
        site.url,
        "printf 'a\\342\\200\\250b\\302\\205c\\342\\200\\251\\n'",
      );
      expect(stdout).toEqual(['a\u2028b\u0085c\u2029']);
      expect(raw).not.toMatch(/[\u2028\u2029\u0085]/);
    },
  },
  lines('T16', 'a byte that is no text becomes a replacement character', "printf '\\377\\n'", ['\uFFFD']),
  ends(
    { key: 'T17', name: 'a status other than zero is an error with its number' },
    'exit 3',
    '3',
    'exit status 3',
  ),
  {
    key: 'T18',
    name: 'an unknown command is named on standard error and has status 127',
    async run(site) {
      const { stderr, last } = await runCommand(site.url, 'nonexistent-cmd');
      expect(stderr.join()).toContain('nonexistent-cmd');
      expect(last.error?.evalue).toBe('127');
    },
  },
  ends(
    { key: 'T19', name: 'a death by signal has status -1 and its name' },
    'kill -9 $$',
    '-1',
    'signal: killed',
  ),
  {
    key: 'T20',
    name: 'a timeout kills the whole group',
    async run(site) {
      const started = Date.now();
      const { stdout, last } = await runCommand(site.url, 'sleep 30 & echo $!; sleep 31', { timeout: 500 });
      expect(last.error).toMatchObject({ evalue: '-1', traceback: ['signal: killed'] });
      expect(Date.now() - started).toBeLessThan(10_000);
      await eventually(async () => {
        const alive = await runCommand(site.url, `kill -0 ${stdout[0] ?? ''}`);
        return alive.last.type === 'error' ? true : undefined;
      });
    },
  },
  {
    key: 'T21',
    name: 'what is left in the background outlives the command and goes on writing',
    async run(site) {
      const directory = await site.directory();
      const started = Date.now();
      const child = `(sleep 3; echo late; echo late >&2; touch ${directory}/alive; sleep 30)`;
      const { last } = await runCommand(site.url, `${child} & echo $!`);
      expect(last.type).toBe('execution_complete');
      expect(Date.now() - started).toBeLessThan(3000);
      await eventually(() => exists(site, `${directory}/alive`), 20_000);
    },
  },
  {
    key: 'T25',
    name: 'standard input is empty',
    async run(site) {
      expect((await runCommand(site.url, 'cat')).events.map((event) => event.type)).toEqual([
        'init',
        'execution_complete',
      ]);
    },
  },
  {
    key: 'T29',
    name: 'the two streams of output are told apart',
    async run(site) {
      expect(await runCommand(site.url, 'echo out; echo err >&2')).toMatchObject({
        stdout: ['out'],
        stderr: ['err'],
      });
    },
  },
  {
    key: 'T30',
    name: 'pings come every three seconds',
    async run(site) {
      const { raw } = await runCommand(site.url, 'sleep 7');
      const pings = [...raw.matchAll(/"type":"ping".*?"timestamp":(\d+)/g)].map((found) => Number(found[1]));
      expect(pings.length).toBeGreaterThanOrEqual(3);
      const gaps = pings.slice(1).map((time, index) => time - (pings[index] ?? 0));
      for (const gap of gaps) expect(gap).toBeGreaterThan(2000);
      for (const gap of gaps) expect(gap).toBeLessThan(5000);
    },
  },
  {
    key: 'T31',
    name: 'a client that leaves does not end the command',
    async run(site) {
      const directory = await site.directory();
      const leaving = new AbortController();
      const body = JSON.stringify({ command: `sleep 2; touch ${directory}/done` });
      const response = await fetch(`${site.url}/command`, { method: 'POST', body, signal: leaving.signal });
      await eventsOf(response).next();
      leaving.abort();
      expect((await call(site, 'GET', '/ping')).status).toBe(200);
      await eventually(() => exists(site, `${directory}/done`), 20_000);
    },
  },
  {
    key: 'T32',
    name: 'streams of commands side by side are not mixed',
    async run(site) {
      const runs = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          runCommand(site.url, `echo ${n}; echo ${n} >&2; sleep 0.1; echo ${n}`),
        ),
      );
      expect(new Set(runs.map((run) => run.id)).size).toBe(20);
      for (const [n, { stdout, stderr }] of runs.entries()) {
        expect({ stdout, stderr }).toEqual({ stdout: [`${n}`, `${n}`], stderr: [`${n}`] });
      }
    },
  },
  {
    key: 'T33',
    name: 'commands work on when the directory for their output is gone',
    async run(site) {
      const directory = await site.directory();
      const agent = await site.agent({ env: { TMPDIR: directory } });
      expect((await runCommand(agent.url, 'echo one')).stdout).toEqual(['one']);
      await runCommand(site.url, `rm -rf ${directory}`);
      expect((await runCommand(agent.url, 'echo two')).stdout).toEqual(['two']);
      const { id } = await runCommand(agent.url, 'echo three', { background: true });
      await eventually(async () => {
        const logs = await (await call(agent, 'GET', `/command/${id}/logs`)).text();
        return logs === 'three\n' ? true : undefined;
      });
    },
  },
];
