import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgent } from './support/agent-process.ts';
import type { AgentProcess } from './support/agent-process.ts';
import { eventsOf, eventually, post, readEvents, runCommand } from './support/event-lines.ts';

const TEMPORARY = mkdtempSync(join(tmpdir(), 'execd-test-'));
const ENV_FILE = join(TEMPORARY, 'envs');
let agent: AgentProcess;
/** Every client reaches the agent through its own proxy when the sandbox is bridged. */
let proxied: string;

beforeAll(async () => {
  agent = await startAgent({
    env: { TMPDIR: join(TEMPORARY, 'tmp'), EXECD_ENVS: ENV_FILE, HOME: TEMPORARY },
  });
  proxied = `${agent.url}/proxy/${agent.port}`;
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  rmSync(TEMPORARY, { recursive: true, force: true });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a foreground command', () => {
  it('tells init, output and its end, each followed by an empty line', async () => {
    const response = await post(proxied, '/command', { command: 'echo hi' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const raw = await response.text();
    expect(raw).not.toContain('data:');
    expect(raw.endsWith('}\n\n')).toBe(true);
    expect(raw.split('\n\n')[1]).toContain('"type":"ping"');
    const { id, events, last } = readEvents(raw);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(events.map((event) => event.type)).toEqual(['init', 'stdout', 'execution_complete']);
    expect(events.every((event) => Number.isInteger(event.timestamp))).toBe(true);
    expect(last.execution_time).toBeGreaterThanOrEqual(0);
  });

  it.each([
    ["printf 'a\\n\\nb\\n\\n\\nc\\n'", ['a', '\n', 'b', '\n', '\n', 'c']],
    ["printf 'x\\r\\ny\\rz'", ['x', 'y', 'z']],
    ["printf 'no-newline'", ['no-newline']],
    ["printf 'p1'; sleep 0.3; printf 'p2\\n'", ['p1p2']],
    ["printf '\\377\\n'", ['\uFFFD']],
    ["printf 'a\\342\\200\\250b\\302\\205c\\n'", ['a\u2028b\u0085c']],
  ])('splits the output of %s into lines', async (command, lines) => {
    const { stdout, raw } = await runCommand(agent.url, command);
    expect(stdout).toEqual(lines);
    expect(raw).not.toMatch(/[\u0085\u2028\u2029]/);
  });

  it('sends a line of 256 KiB as one event, and a longer one than clients can read in pieces', async () => {
    const long = await runCommand(agent.url, "head -c 262144 /dev/zero | tr '\\0' x");
    expect(long.stdout.map((line) => line.length)).toEqual([262_144]);
    const longer = await runCommand(agent.url, "head -c 9000000 /dev/zero | tr '\\0' x; echo; echo end");
    expect(longer.stdout.slice(0, -1).join('')).toBe('x'.repeat(9_000_000));
    expect(longer.stdout.at(-1)).toBe('end');
    expect(Math.max(...longer.raw.split('\n\n').map((line) => line.length))).toBeLessThan(4 * 1024 * 1024);
  });

  it.each([
    ['exit 3', '3', 'exit status 3'],
    ['kill -9 $$', '-1', 'signal: killed'],
    ['nonexistent-cmd', '127', 'exit status 127'],
  ])('ends %s with one error and no completion', async (command, evalue, traceback) => {
    const { events, last, stderr } = await runCommand(agent.url, command);
    expect(last.error).toEqual({ ename: 'CommandExecError', evalue, traceback: [traceback] });
    expect(events.some((event) => event.type === 'execution_complete')).toBe(false);
    if (evalue === '127') expect(stderr.join()).toContain('nonexistent-cmd');
  });

  it('is killed with everything it started when its time is up', async () => {
    const started = Date.now();
    const { last, stdout } = await runCommand(agent.url, 'sleep 30 & echo $!; wait', { timeout: 500 });
    expect(last.error).toMatchObject({ evalue: '-1', traceback: ['signal: killed'] });
    expect(Date.now() - started).toBeLessThan(20_000);
    await eventually(async () => (isRunning(Number(stdout[0])) ? undefined : true));
  });

  it('ends with its shell; what it left running lives on and may still write', async () => {
    const marker = join(TEMPORARY, 'survivor');
    const command = `(sleep 0.5; echo late; echo late; touch ${marker}; sleep 60) & echo $!`;
    const { stdout, last } = await runCommand(agent.url, command);
    expect(last.type).toBe('execution_complete');
    expect(stdout).toHaveLength(1);
    await eventually(async () => (existsSync(marker) ? true : undefined));
    expect(isRunning(Number(stdout[0]))).toBe(true);
    process.kill(Number(stdout[0]), 'SIGKILL');
  });

  it('keeps standard output and standard error apart and has no input', async () => {
    const { stdout, stderr } = await runCommand(agent.url, 'cat; echo out; echo err >&2');
    expect([stdout, stderr]).toEqual([['out'], ['err']]);
  });

  it('accepts null for every optional field', async () => {
    const nothing = { cwd: null, background: null, timeout: null, uid: null, gid: null, envs: null };
    expect((await runCommand(agent.url, 'echo ok', nothing)).stdout).toEqual(['ok']);
  });

  it.each<[string, unknown]>([
    ['an empty command', { command: '' }],
    ['no command', {}],
    ['a null body', 'null'],
    ['broken JSON', '{'],
    ['an empty body', ''],
    ['a negative timeout', { command: 'true', timeout: -1 }],
    ['a gid without uid', { command: 'true', gid: 1 }],
    ['a negative uid', { command: 'true', uid: -1 }],
    ['a missing directory', { command: 'true', cwd: '/no/such/place' }],
    ['a file as directory', { command: 'true', cwd: '/etc/passwd' }],
    ['an undefined variable', { command: 'true', cwd: '$UNDEF_X/y' }],
    ['a wrong type', { command: 5 }],
  ])('refuses %s before it starts', async (_name, body) => {
    const response = await post(agent.url, '/command', body);
    expect(response.status).toBe(400);
    const answer = (await response.json()) as Record<string, string>;
    expect(answer['code']).toBe('INVALID_REQUEST_BODY');
    expect(answer['message']).not.toBe('');
  });

  it('expands its directory with the environment of the request', async () => {
    expect((await runCommand(agent.url, 'pwd', { cwd: '~' })).stdout).toEqual([TEMPORARY]);
    expect((await runCommand(agent.url, 'pwd', { cwd: '$HOME' })).stdout).toEqual([TEMPORARY]);
    const envs = { PLACE: '/usr' };
    expect((await runCommand(agent.url, 'pwd', { cwd: '${PLACE}/bin', envs })).stdout).toEqual(['/usr/bin']);
    const response = await post(agent.url, '/command', { command: 'pwd', cwd: '$UNDEF_X' });
    expect(((await response.json()) as { message: string }).message).toContain('UNDEF_X');
  });

  it('gets the variables of its request literally, and only it', async () => {
    const { stdout } = await runCommand(agent.url, 'echo "$A"', { envs: { A: '1 $HOME' } });
    expect(stdout).toEqual(['1 $HOME']);
    expect((await runCommand(agent.url, 'echo "$A"')).stdout).toEqual(['\n']);
  });

  it('reads the variables file anew each time; the request wins over it', async () => {
    writeFileSync(ENV_FILE, '# note\nFOO=bar\nP=$HOME/x\nMALFORMED\nEMPTY=\n');
    const show = 'echo "$FOO|$P|${EMPTY-unset}"';
    expect((await runCommand(agent.url, show)).stdout).toEqual([`bar|${TEMPORARY}/x|`]);
    expect((await runCommand(agent.url, show, { envs: { FOO: 'mine' } })).stdout).toEqual([
      `mine|${TEMPORARY}/x|`,
    ]);
    writeFileSync(ENV_FILE, 'FOO=later\n');
    expect((await runCommand(agent.url, show)).stdout).toEqual(['later||unset']);
  });

  it('runs on when its client goes away', async () => {
    const marker = join(TEMPORARY, 'abandoned');
    const controller = new AbortController();
    const response = await fetch(`${agent.url}/command`, {
      method: 'POST',
      body: JSON.stringify({ command: `sleep 0.5; echo x; touch ${marker}` }),
      signal: controller.signal,
    });
    for await (const event of eventsOf(response)) if (event.type === 'init') break;
    controller.abort();
    expect((await fetch(`${agent.url}/ping`)).status).toBe(200);
    await eventually(async () => (existsSync(marker) ? true : undefined));
  });

  it('is pinged every three seconds', async () => {
    const { raw } = await runCommand(agent.url, 'sleep 7');
    const pings = raw.split('\n\n').filter((line) => line.includes('"ping"'));
    const times = pings.map((line) => (JSON.parse(line) as { timestamp: number }).timestamp);
    expect(times).toHaveLength(3);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(2500);
  });

  it('keeps twenty streams apart', async () => {
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const all = await Promise.all(numbers.map((n) => runCommand(agent.url, `echo a${n}; echo b${n}`)));
    expect(all.map((one) => one.stdout)).toEqual(numbers.map((n) => [`a${n}`, `b${n}`]));
    expect(new Set(all.map((one) => one.id)).size).toBe(20);
  });

  it('works after someone removed the temporary directory', async () => {
    expect((await runCommand(agent.url, 'rm -rf "$TMPDIR"; echo gone')).stdout).toEqual(['gone']);
    expect((await runCommand(agent.url, 'echo back')).stdout).toEqual(['back']);
    const [directory = ''] = readdirSync(join(TEMPORARY, 'tmp'));
    const path = join(TEMPORARY, 'tmp', directory);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(readdirSync(path)).toEqual([]);
  });

  it('reports on the stream when it cannot be started', async () => {
    const { events, last } = await runCommand(agent.url, 'echo \0');
    expect(events[0]?.type).toBe('init');
    expect(last.error?.evalue).toContain('invalid argument');
  });

  it('sends output as it comes', async () => {
    const response = await post(agent.url, '/command', { command: 'echo first; sleep 15; echo second' });
    const started = Date.now();
    for await (const event of eventsOf(response)) if (event.type === 'stdout') break;
    expect(Date.now() - started).toBeLessThan(10_000);
  });
});

describe.runIf(process.getuid?.() === 0)('a command as another user', () => {
  const who = 'id -u; id -g; id -G';

  it('has the groups of its account', async () => {
    expect((await runCommand(agent.url, who, { uid: 65534 })).stdout).toEqual(['65534', '65534', '65534']);
  });

  it('has the group that was asked for', async () => {
    const { stdout } = await runCommand(agent.url, who, { uid: 65534, gid: 12 });
    expect(stdout.slice(0, 2)).toEqual(['65534', '12']);
  });

  it('never falls back to the group of root', async () => {
    expect((await runCommand(agent.url, who, { uid: 54321 })).stdout).toEqual(['54321', '54321', '54321']);
  });

  it('may write to its output by name and dies of a broken pipe like any other', async () => {
    const { stdout } = await runCommand(agent.url, 'echo named >>/dev/stdout', { uid: 65534 });
    expect(stdout).toEqual(['named']);
    const broken = await runCommand(agent.url, 'kill -PIPE $$; echo survived', { uid: 65534 });
    expect(broken.last.error?.traceback).toEqual(['signal: broken pipe']);
  });
});

describe('a background command', () => {
  it('is told complete at once, has a status and keeps its output', async () => {
    const command = 'echo a; echo b >&2; sleep 1; exit 4';
    const { id, events } = await runCommand(agent.url, command, { background: true });
    expect(events.map((event) => event.type)).toEqual(['init', 'execution_complete']);
    const status = async (): Promise<Record<string, unknown>> =>
      (await (await fetch(`${agent.url}/command/status/${id}`)).json()) as Record<string, unknown>;
    const first = await status();
    expect(first).toMatchObject({ id, content: command, running: true });
    expect(Object.keys(first).sort()).toEqual(['content', 'id', 'running', 'started_at']);
    const last = await eventually(async () => {
      const now = await status();
      return now['running'] === false ? now : undefined;
    });
    expect(last).toMatchObject({ running: false, exit_code: 4, error: 'exit status 4' });
    expect(last['finished_at']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

    const logs = async (query: string): Promise<[number, string, string | null]> => {
      const response = await fetch(`${agent.url}/command/${id}/logs${query}`);
      return [response.status, await response.text(), response.headers.get('execd-commands-tail-cursor')];
    };
    expect(await logs('')).toEqual([200, 'a\nb\n', '4']);
    expect(await logs('?cursor=2')).toEqual([200, 'b\n', '4']);
    expect(await logs('?cursor=abc')).toEqual([200, 'a\nb\n', '4']);
    expect(await logs('?cursor=99')).toEqual([200, '', '99']);
    expect((await logs('?cursor=-1'))[0]).toBe(400);
  });

  it('never hands out half a character while it runs', async () => {
    const { id } = await runCommand(agent.url, "printf 'a\\303'; sleep 30", { background: true });
    const text = await eventually(async () => {
      const response = await fetch(`${agent.url}/command/${id}/logs`);
      const body = await response.text();
      return body === '' ? undefined : [body, response.headers.get('execd-commands-tail-cursor')];
    });
    expect(text).toEqual(['a', '1']);
    await fetch(`${agent.url}/command?id=${id}`, { method: 'DELETE' });
  });

  it('is killed when its time is up', async () => {
    const { id } = await runCommand(agent.url, 'sleep 30', { background: true, timeout: 300 });
    const last = await eventually(async () => {
      const now = (await (await fetch(`${agent.url}/command/status/${id}`)).json()) as { running: boolean };
      return now.running ? undefined : now;
    });
    expect(last).toMatchObject({ exit_code: -1, error: 'signal: killed' });
  });

  it('has large output read in order', async () => {
    const { id } = await runCommand(agent.url, 'seq 1 300000', { background: true });
    await eventually(async () => {
      const now = (await (await fetch(`${agent.url}/command/status/${id}`)).json()) as { running: boolean };
      return now.running ? undefined : true;
    });
    const text = await (await fetch(`${agent.url}/command/${id}/logs`)).text();
    expect(text.trimEnd().split('\n')).toHaveLength(300_000);
    expect(text.endsWith('\n300000\n')).toBe(true);
  });

  it.each([
    ['/command/status/nope', 404],
    ['/command/nope/logs', 400],
  ])('that nobody started is an error in JSON at %s', async (path, status) => {
    const response = await fetch(agent.url + path);
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      code: 'INVALID_REQUEST_BODY',
      message: 'command not found: nope',
    });
  });

  it('is the only kind with logs', async () => {
    const { id } = await runCommand(agent.url, 'true');
    const response = await fetch(`${agent.url}/command/${id}/logs`);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { message: string }).message).toContain('not running in background');
  });
});

describe('an interrupt', () => {
  async function interruptAfterInit(command: string): Promise<{ tookMs: number; raw: string }> {
    const response = await post(agent.url, '/command', { command });
    let raw = '';
    let interrupted: Promise<Response> | undefined;
    const started = Date.now();
    let tookMs = 0;
    for await (const event of eventsOf(response)) {
      raw += `${JSON.stringify(event)}\n\n`;
      const isReady = event.type === 'stdout' && event.text === 'ready';
      if (isReady) interrupted = fetch(`${proxied}/command?id=${readEvents(raw).id}`, { method: 'DELETE' });
      void interrupted?.then(() => (tookMs = Date.now() - started));
    }
    const answer = await interrupted;
    expect(answer?.status).toBe(200);
    expect(answer?.headers.get('content-length')).toBe('0');
    return { tookMs, raw };
  }

  it('ends a command with a terminated signal', async () => {
    const { raw } = await interruptAfterInit('echo ready; sleep 30');
    expect(readEvents(raw).last.error).toMatchObject({ evalue: '-1', traceback: ['signal: terminated'] });
  });

  it('kills what ignores it', async () => {
    const { raw } = await interruptAfterInit("trap '' TERM; echo ready; sleep 30");
    const { last, events } = readEvents(raw);
    expect(last.error?.traceback).toEqual(['signal: killed']);
    expect(last.timestamp - (events[0]?.timestamp ?? 0)).toBeGreaterThan(2800);
  });

  it.each([
    [
      'a finished command',
      async () => `?id=${(await runCommand(agent.url, 'true')).id}`,
      500,
      'is not running',
    ],
    ['an unknown id', async () => '?id=nope', 500, 'no such session'],
    ['no id', async () => '', 400, "missing query parameter 'id'"],
  ])('of %s is refused', async (_name, query, status, message) => {
    const response = await fetch(`${agent.url}/command${await query()}`, { method: 'DELETE' });
    expect(response.status).toBe(status);
    expect(((await response.json()) as { message: string }).message).toContain(message);
  });
});

describe('code', () => {
  it('without a language is a shell command', async () => {
    const response = await post(agent.url, '/code', { code: 'echo x' });
    expect(readEvents(await response.text()).stdout).toEqual(['x']);
  });

  it.each<[unknown, number, string]>([
    [{ code: '1', context: { language: 'python' } }, 500, 'language runtime server not configured'],
    [{ code: '1', context: { language: 'cobol' } }, 500, 'unknown language: cobol'],
    [{ code: '' }, 400, 'code is required'],
  ])('%j is refused', async (body, status, message) => {
    const response = await post(agent.url, '/code', body);
    expect(response.status).toBe(status);
    expect(((await response.json()) as { message: string }).message).toContain(message);
  });
});
