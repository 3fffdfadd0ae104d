import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentProcess } from './support/agent-process.ts';
import { startAgent } from './support/agent-process.ts';
import { eventsOf, eventually, post, readEvents } from './support/event-lines.ts';
import { openSession } from './support/session-client.ts';

const TEMPORARY = mkdtempSync(join(tmpdir(), 'execd-sessions-'));
const ENVS = join(TEMPORARY, 'envs');

let agent: AgentProcess;
let url: string;

beforeAll(async () => {
  writeFileSync(ENVS, 'FROM_FILE=one\n');
  mkdirSync(join(TEMPORARY, 'tmp'));
  agent = await startAgent({
    env: { EXECD_ENVS: ENVS, TMPDIR: join(TEMPORARY, 'tmp'), INHERITED: 'inherited $HOME' },
  });
  url = `${agent.url}/proxy/${agent.port}`; // as clients on Docker reach the agent
});

afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  rmSync(TEMPORARY, { recursive: true, force: true });
});

describe('creating a session', () => {
  it.each([
    ['no body', undefined],
    ['an empty object', '{}'],
    ['null', 'null'],
    ['null as directory', '{"cwd":null}'],
  ])('takes %s', async (_name, body) => {
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' } };
    const created = await fetch(`${url}/session`, body === undefined ? init : { ...init, body });
    expect(created.status).toBe(200);
    expect(await created.json()).toEqual({
      session_id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/) as string,
    });
  });

  it('makes the directory it is to begin in', async () => {
    const directory = join(TEMPORARY, 'made', 'for it');
    const session = await openSession(url, directory);
    expect(existsSync(directory)).toBe(true);
    expect((await session.run('pwd')).stdout).toEqual([directory]);
  });

  it.each([
    ['[', 400, 'INVALID_REQUEST_BODY'],
    ['[]', 400, 'INVALID_REQUEST_BODY'],
    ['{"cwd":"$UNDEFINED_X"}', 400, 'INVALID_REQUEST_BODY'],
    ['{"cwd":"/dev/null/x"}', 500, 'RUNTIME_ERROR'],
  ])('refuses %s', async (body, status, code) => {
    const refused = await post(url, '/session', body);
    expect(refused.status).toBe(status);
    expect(await refused.json()).toMatchObject({ code, message: expect.any(String) as string });
  });
});

describe('a run of a session', () => {
  it('tells init with the id of the session, its output, and one end', async () => {
    const session = await openSession(url);
    const { events, id } = await session.run('echo hello; echo there >&2');
    expect(id).toBe(session.id);
    expect(events.map(({ type, text }) => [type, text])).toEqual([
      ['init', session.id],
      ['stdout', 'hello'],
      ['stdout', 'there'],
      ['execution_complete', undefined],
    ]);
  });

  it('begins where the last one ended, and a directory that is asked for sticks', async () => {
    const session = await openSession(url, '/tmp');
    expect((await session.run('pwd')).stdout).toEqual(['/tmp']);
    expect((await session.run('pwd', { cwd: '/var' })).stdout).toEqual(['/var']);
    expect((await session.run('pwd')).stdout).toEqual(['/var']);
    await session.run('cd /etc');
    expect((await session.run('pwd; cd - ')).stdout).toEqual(['/etc', '/var']);
  });

  it('keeps a directory whose name is no text, and the name of a link to one', async () => {
    const session = await openSession(url, TEMPORARY);
    await session.run(`ln -s /usr link; d=$(printf 'a \\377\\n\\047b'); mkdir "$d"; cd "$d"`);
    expect((await session.run('pwd | od -An -c | head -c 4000; cd ../link')).stdout.join('')).toContain(
      String.raw`a     377  \n   '   b`,
    );
    expect((await session.run('pwd')).stdout).toEqual([join(TEMPORARY, 'link')]);
  });

  it('says so when its directory was removed, and goes elsewhere when told', async () => {
    const session = await openSession(url, join(TEMPORARY, 'gone'));
    rmSync(join(TEMPORARY, 'gone'), { recursive: true });
    const refused = await session.start('pwd');
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('working directory does not exist');
    expect((await session.run('pwd', { cwd: '/' })).stdout).toEqual(['/']);
  });

  const VALUES: readonly (readonly [string, string])[] = [
    ['a dollar', '$HOME ${X} $(id)'],
    ['a backtick', '`id`'],
    ['quotes', `"double" 'single'`],
    ['backslashes', 'a\\b\\\\n\\'],
    ['a newline and a tab', 'one\ntwo\t\n\n'],
    ['other characters', 'é 漢字 🙂'],
    ['no text', '\xff\xfe a\x80'],
    ['every byte', Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join('')],
    ['nothing', ''],
    ['100,000 bytes', 'x'.repeat(100_000)],
  ];
  it.each(VALUES)('carries a value with %s unchanged through further runs', async (_name, value) => {
    const bytes = /[\x80-\xff]/.test(value) && !/[^\0-\xff]/.test(value) && !value.startsWith('é');
    const file = join(TEMPORARY, 'value');
    writeFileSync(file, bytes ? Buffer.from(value, 'latin1') : value);
    const session = await openSession(url);
    await session.run(`IFS= read -rd '' V <${file}; export V`);
    for (let run = 0; run < 3; run += 1) {
      const { last } = await session.run(`printf %s "$V" >${file}.out; env -0 | grep -zc '^V=' >${file}.n`);
      expect(last.type).toBe('execution_complete');
      expect(readFileSync(`${file}.n`, 'utf8')).toBe('1\n');
      expect(readFileSync(`${file}.out`).equals(readFileSync(file))).toBe(true);
    }
  });

  it('carries on without a value that no program could be started with', async () => {
    const session = await openSession(url);
    const large = await session.run(`export B=$(head -c 200000 /dev/zero | tr '\\0' x) A=1; cd /usr`);
    expect(large.last.type).toBe('execution_complete');
    expect((await session.run('echo "[$A][${#B}]"; pwd')).stdout).toEqual(['[1][0]', '/usr']);
  });

  it('carries on with what fits of very many variables', async () => {
    const session = await openSession(url);
    const many =
      'v=$(head -c 100000 /dev/zero | tr "\\0" x); for i in $(seq 30); do export L$i="$v"; done; export A=1';
    expect((await session.run(many)).last.type).toBe('execution_complete');
    expect((await session.run('echo "$A"; /bin/true && echo started')).stdout).toEqual(['1', 'started']);
  });

  it('keeps neither plain variables nor functions, aliases or options', async () => {
    const session = await openSession(url);
    await session.run('B=1; f() { :; }; shopt -s expand_aliases; alias l=ls; set -x; export SHELLOPTS PS1=p');
    const { stdout } = await session.run(
      'echo "[$B$PS1]"; type f >/dev/null 2>&1 || echo no f; alias l 2>/dev/null || echo no l; echo $-; echo "$SHLVL"',
    );
    expect(stdout).toEqual(['[]', 'no f', 'no l', 'hBc', expect.stringMatching(/^\d$/)]);
  });

  it('keeps a variable that was taken away away', async () => {
    const session = await openSession(url);
    expect((await session.run('echo "$INHERITED"; unset INHERITED')).stdout).toEqual(['inherited $HOME']);
    expect((await session.run('echo "${INHERITED-unset}"')).stdout).toEqual(['unset']);
  });

  it('sees the file of variables as it is when the run starts', async () => {
    const session = await openSession(url);
    expect((await session.run('echo "$FROM_FILE"')).stdout).toEqual(['one']);
    writeFileSync(ENVS, 'FROM_FILE=two\n');
    expect((await session.run('echo "$FROM_FILE"; export FROM_FILE=mine')).stdout).toEqual(['two']);
    expect((await session.run('echo "$FROM_FILE"')).stdout).toEqual(['mine']);
  });

  it.each([
    ['sh -c "echo e >&2; exit 7"', ['e'], '7'],
    ['exit 7', [], '7'],
    ['set -e; false; echo not here', [], '1'],
    ['nonexistent-cmd', [expect.stringContaining('nonexistent-cmd')], '127'],
    ['kill -9 $$', [], '-1'],
    ['echo a\nif true', ['a', expect.stringContaining('syntax error')], '2'],
  ])('ends %s with its exit code and stays usable', async (command, output, code) => {
    const session = await openSession(url);
    const { stdout, last, events } = await session.run(command);
    const traceback = [code === '-1' ? 'signal: killed' : `exit status ${code}`];
    expect(last.error).toEqual({ ename: 'CommandExecError', evalue: code, traceback });
    expect(stdout).toEqual(output);
    expect(events.filter(({ type }) => type === 'execution_complete')).toEqual([]);
    expect((await session.run('echo ok')).stdout).toEqual(['ok']);
  });

  it.each([
    [`printf '{"foo":1}'`, ['{"foo":1}']],
    ['true', []],
    ['exec echo hi', ['hi']],
    ['echo __EXIT_CODE__:9; echo __ENV_DUMP_START__', ['__EXIT_CODE__:9', '__ENV_DUMP_START__']],
    ['set -x; echo hi', [expect.stringMatching(/^\++ echo hi$/), 'hi']],
    ['set -eux; A=1', [expect.stringMatching(/^\++ A=1$/)]],
    ["trap 'echo dbg' DEBUG; echo hi", ['dbg', 'hi']],
    ["trap 'echo bye' EXIT; echo hi", ['hi', 'bye']],
    ['cat <<X\na\nb\nX', ['a', 'b']],
    ["printf 'a\\n\\nb\\r\\nc\\rd'", ['a', '\n', 'b', 'c\rd']],
    ['echo "$0 $# $LINENO ${__osb-unset}"', ['bash 0 1 unset']],
    ["echo '  a  b  '  ", ['  a  b  ']],
    ['set -C; set -u; IFS=/; export A=1', []],
    ['ulimit -f 0; export A=1', []],
    ['yes | head -1', ['y']],
    ['exec 3>/dev/null; exec >/dev/null; echo hidden', []],
    ['ls -m /proc/$$/fd', ['0, 1, 2']], // without a pipe: a shell that makes one has it open for a moment
    ['printf() { echo mine; }; exit() { echo mine; }; set() { echo mine; }; echo ok', ['ok']],
  ])('prints of %s nothing but its own', async (command, output) => {
    const session = await openSession(url);
    const { stdout, last } = await session.run(command);
    expect(stdout).toEqual(output);
    expect(last.type).toBe('execution_complete');
  });

  it('keeps what was exported under options that stop at anything', async () => {
    const session = await openSession(url);
    await session.run(
      'set -euxC; set -o pipefail; IFS=/; PATH=/nowhere; export A=1; cd /usr; exec >/dev/null',
    );
    expect((await session.run('echo "$A $PATH"; pwd')).stdout).toEqual(['1 /nowhere', '/usr']);
  });

  it('swallows nothing of the report when its code is unfinished', async () => {
    const session = await openSession(url);
    const { stdout } = await session.run('export A=1; cat 2>/dev/null <<X\nfoo\n');
    expect(stdout.filter((line) => !line.includes('warning'))).toEqual(['foo']);
    expect((await session.run('echo "$A"')).stdout).toEqual(['1']);
  });

  it('goes on when someone empties the directory for temporary files', async () => {
    const session = await openSession(url);
    await session.run(`rm -rf "$TMPDIR"; export A=1; echo x`);
    expect((await session.run('echo "$A"')).stdout).toEqual(['1']);
  });

  it.each([
    ['{"command":""}', 400],
    ['{}', 400],
    ['', 400],
    ['{"command":"true","timeout":-1}', 400],
    ['{"command":"true","cwd":"/nowhere"}', 400],
    ['{"command":"true","cwd":"/etc/passwd"}', 400],
    ['{"command":"true","cwd":null,"timeout":null}', 200],
  ])('answers %s with %i', async (body, status) => {
    const { id } = await openSession(url);
    const answer = await post(url, `/session/${id}/run`, body);
    expect(answer.status).toBe(status);
    if (status !== 200) expect(await answer.json()).toMatchObject({ code: 'INVALID_REQUEST_BODY' });
  });
});

describe('runs of one session at the same time', () => {
  it('do not wait for each other and each adds what it changed', async () => {
    const session = await openSession(url, '/tmp');
    const fifo = join(TEMPORARY, 'go');
    const slow = session.run(`mkfifo ${fifo}; read line <${fifo}; export SLOW=1`);
    await eventually(async () => (existsSync(fifo) ? true : undefined));
    await session.run('export QUICK=1; cd /usr');
    expect((await session.run(`echo $QUICK; echo go >${fifo}`)).stdout).toEqual(['1']);
    await slow;
    expect((await session.run('echo $SLOW$QUICK; pwd')).stdout).toEqual(['11', '/usr']);
  });

  it('all end when the session is deleted', async () => {
    const session = await openSession(url);
    const responses = await Promise.all([1, 2, 3].map(() => session.start('sleep 60 & sleep 60')));
    const startedAt = Date.now();
    expect((await session.delete()).status).toBe(200);
    for (const response of responses) {
      expect(readEvents(await response.text()).last.error).toEqual({
        ename: 'CommandExecError',
        evalue: '-1',
        traceback: ['signal: killed'],
      });
    }
    expect(Date.now() - startedAt).toBeLessThan(20_000);
  });
});

describe('the end of a run', () => {
  it('comes when its time is up, with everything it started', async () => {
    const session = await openSession(url);
    const startedAt = Date.now();
    const { last, stdout } = await session.run('sleep 61 & echo $!; sleep 62', { timeout: 500 });
    expect(Date.now() - startedAt).toBeLessThan(20_000);
    expect(last).toMatchObject({
      type: 'error',
      code: 'RUNTIME_ERROR',
      message: 'timeout after 500ms',
      error: { ename: 'RUNTIME_ERROR', evalue: 'timeout after 500ms', traceback: ['timeout after 500ms'] },
    });
    await eventually(async () => (isRunning(Number(stdout[0])) ? undefined : true));
    expect((await session.run('echo ok')).stdout).toEqual(['ok']);
  });

  it('does not wait for what it leaves in the background, which may write on', async () => {
    const session = await openSession(url);
    const file = join(TEMPORARY, 'survivor');
    const startedAt = Date.now();
    const { stdout } = await session.run(
      `mkfifo ${file}.go; (read line <${file}.go; echo late; echo "wrote $?" >${file}) & echo hi`,
    );
    expect(Date.now() - startedAt).toBeLessThan(20_000);
    expect(stdout).toEqual(['hi']);
    writeFileSync(`${file}.go`, 'go\n');
    await eventually(async () => (existsSync(file) && readFileSync(file, 'utf8') !== '' ? true : undefined));
    expect(readFileSync(file, 'utf8')).toBe('wrote 0\n');
  });

  it('comes when its client hangs up', async () => {
    const session = await openSession(url);
    const hangUp = new AbortController();
    const response = await session.start('echo $$; sleep 63', {}, hangUp.signal);
    const events = eventsOf(response);
    let pid = 0;
    while (pid === 0) {
      const { value } = (await events.next()) as { value: { type: string; text?: string } };
      if (value.type === 'stdout') pid = Number(value.text);
    }
    hangUp.abort();
    await events.next().catch(() => undefined);
    await eventually(async () => (isRunning(pid) ? undefined : true));
    expect((await session.run('echo ok')).stdout).toEqual(['ok']);
  });
});

describe('ending a session', () => {
  it('answers each path for a session that is not known', async () => {
    const run = await post(url, '/session/nope/run', { command: 'true' });
    expect([run.status, await run.json()]).toEqual([
      500,
      { code: 'RUNTIME_ERROR', message: 'error running in session. context not found' },
    ]);
    const deleted = await fetch(`${url}/session/nope`, { method: 'DELETE' });
    expect([deleted.status, await deleted.json()]).toEqual([
      404,
      { code: 'CONTEXT_NOT_FOUND', message: 'session nope not found' },
    ]);
  });

  it('can be done once', async () => {
    const session = await openSession(url);
    const deleted = await session.delete();
    expect([deleted.status, deleted.headers.get('content-length')]).toEqual([200, '0']);
    expect((await session.delete()).status).toBe(404);
  });

  it.each(['/command', '/code'])('is what an interrupt at %s does', async (path) => {
    const session = await openSession(url);
    const response = await session.start('sleep 64');
    const interrupted = await fetch(`${url}${path}?id=${session.id}`, { method: 'DELETE' });
    expect(interrupted.status).toBe(200);
    expect(readEvents(await response.text()).last.error?.evalue).toBe('-1');
    expect((await session.delete()).status).toBe(404);
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
