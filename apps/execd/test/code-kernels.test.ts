import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgent } from './support/agent-process.ts';
import type { AgentProcess } from './support/agent-process.ts';
import { eventsOf, eventually, post, readEvents } from './support/event-lines.ts';
import type { Streamed, StreamEvent } from './support/event-lines.ts';
import { freePort } from './support/free-port.ts';
import { JUPYTER_TOKEN, startJupyter, whyNoJupyter } from './support/jupyter-server.ts';
import type { JupyterServer } from './support/jupyter-server.ts';

const reason = whyNoJupyter();
if (reason !== undefined) console.log(`kernel tests skipped: ${reason}`);

interface Context {
  readonly id: string;
  readonly language: string;
}
interface CodeEvent extends StreamEvent {
  readonly results?: Readonly<Record<string, string>>;
  readonly execution_count?: number;
}

describe.skipIf(reason !== undefined)('code on real kernels', () => {
  let jupyter: JupyterServer;
  let agent: AgentProcess;
  const scratch = mkdtempSync(join(tmpdir(), 'execd-code-'));
  const envFile = join(scratch, 'envs');

  beforeAll(async () => {
    jupyter = await startJupyter(await freePort());
    agent = await startAgent({
      env: { ...jupyter.env, EXECD_ENVS: envFile, http_proxy: 'http://127.0.0.1:1' },
    });
  });
  afterAll(async () => {
    await agent.stop();
    await jupyter[Symbol.asyncDispose]();
    rmSync(scratch, { recursive: true, force: true });
  });

  const send = (code: string, context: object): Promise<Response> => {
    return post(agent.url, '/code', { code, context });
  };
  async function run(code: string, context: object = { language: 'python' }): Promise<Streamed> {
    const response = await send(code, context);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${response.status} ${text}`);
    return readEvents(text);
  }
  async function create(language: string, more: object = {}): Promise<Context> {
    const response = await post(agent.url, '/code/context', { language, ...more });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()) as Context;
  }
  const resultOf = (streamed: Streamed): Readonly<Record<string, string>> | undefined => {
    return (streamed.events as readonly CodeEvent[]).find((event) => event.type === 'result')?.results;
  };
  const list = async (query = ''): Promise<Context[]> => {
    return (await (await fetch(`${agent.url}/code/contexts${query}`)).json()) as Context[];
  };
  const types = (streamed: Streamed): string[] => streamed.events.map((event) => event.type);

  it('a value is told with its count, as text under both names, and then the end', async () => {
    const context = await create('python');
    const streamed = await run('result = 2 + 2\nresult', context);
    expect(types(streamed)).toEqual(['init', 'execution_count', 'result', 'execution_complete']);
    expect(streamed.id).toBe(context.id);
    expect(resultOf(streamed)).toEqual({ 'text/plain': '4', text: '4' });
    expect(resultOf(await run('result * 10', context))?.['text']).toBe('40');
  });

  it('output without a value is told in its chunks, with its line ends', async () => {
    const streamed = await run('import sys\nprint("one\\n\\ntwo")\nprint("bad", file=sys.stderr)');
    expect(streamed.stdout.join('')).toBe('one\n\ntwo\n');
    expect(streamed.stderr.join('')).toBe('bad\n');
    expect(types(streamed)).not.toContain('execution_count');
    expect(streamed.last.type).toBe('execution_complete');
  });

  it('an error of the code has its name and traceback and is followed by the end', async () => {
    const streamed = await run('undefined_name');
    const error = streamed.events.find((event) => event.type === 'error')?.error;
    expect(error?.ename).toBe('NameError');
    expect(error?.traceback.length).toBeGreaterThan(0);
    expect(types(streamed)).toEqual(['init', 'error', 'execution_complete']);
    expect((await run('print("fine")')).stdout.join('')).toBe('fine\n');
  });

  it('what code displays is a result without a count', async () => {
    const code = 'from IPython.display import display, JSON\ndisplay(JSON({"a": [1, 2]}))';
    const streamed = await run(code);
    expect(types(streamed)).toEqual(['init', 'result', 'execution_complete']);
    expect(JSON.parse(resultOf(streamed)?.['application/json'] ?? '')).toEqual({ a: [1, 2] });
  });

  it('the default context of a language is made once, for callers at the same time too', async () => {
    await fetch(`${agent.url}/code/contexts?language=bash`, { method: 'DELETE' });
    const context = { language: 'bash' };
    const answers = await Promise.all([send('echo 1', context), send('echo 2', context)]);
    await Promise.all(answers.map((answer) => answer.text()));
    expect(await list('?language=bash')).toHaveLength(1);
    await run('X=kept', context);
    const streamed = await run('echo "$X"; false', context);
    expect(streamed.stdout.join('')).toBe('kept\n');
    expect(streamed.events.find((event) => event.type === 'error')?.error?.evalue).toBe('1');
  });

  it('contexts do not share names', async () => {
    const [one, other] = await Promise.all([create('python'), create('python')]);
    await run('mine = 1', one);
    const streamed = await run('mine', other);
    expect(streamed.events.find((event) => event.type === 'error')?.error?.ename).toBe('NameError');
  });

  it('a context starts in its directory, which is made, and sees the variables of the file', async () => {
    writeFileSync(envFile, 'QUOTED=it\'s "é" \\n $HOME\n');
    const cwd = join(realpathSync(scratch), 'made', 'here');
    for (const [language, code] of [
      ['python', 'import os\nprint(os.getcwd(), os.environ["QUOTED"])'],
      ['bash', 'echo "$PWD $QUOTED"'],
    ] as const) {
      const context = await create(language, { cwd });
      expect((await run(code, context)).stdout.join('')).toBe(`${cwd} it's "é" \\n /root\n`);
    }
    expect(existsSync(cwd)).toBe(true);
    writeFileSync(envFile, 'LATER=changed\n');
    const streamed = await run('import os\nprint(os.environ.get("LATER"))');
    expect(streamed.stdout.join('')).toBe('changed\n');
    rmSync(envFile);
  });

  it('code in a busy context is refused before any event, and the first code is not disturbed', async () => {
    const context = await create('python');
    const first = await send('import time\ntime.sleep(1.5)\nprint("first done")', context);
    const refused = await send('print(2)', context);
    expect(refused.status).toBe(500);
    expect(await refused.json()).toEqual({
      code: 'RUNTIME_ERROR',
      message: 'error running codes session is busy',
    });
    expect(readEvents(await first.text()).stdout.join('')).toBe('first done\n');
    expect((await run('print(3)', context)).stdout.join('')).toBe('3\n');
  });

  it.each(['/code', '/command'])('an interrupt by %s right after init ends the code', async (path) => {
    const context = await create('python');
    const startedAt = Date.now();
    const response = await send('import time\ntime.sleep(60)', context);
    const events: StreamEvent[] = [];
    for await (const event of eventsOf(response)) {
      events.push(event);
      if (event.type !== 'init') continue;
      const interrupted = await fetch(`${agent.url}${path}?id=${context.id}`, { method: 'DELETE' });
      expect(interrupted.status).toBe(200);
      expect(interrupted.headers.get('content-length')).toBe('0');
    }
    expect(events.find((event) => event.type === 'error')?.error?.ename).toBe('KeyboardInterrupt');
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    expect((await run('print("usable")', context)).stdout.join('')).toBe('usable\n');
  });

  it('a kernel that dies ends its code with an error, and the next code gets a new kernel', async () => {
    const cwd = join(realpathSync(scratch), 'again');
    const context = await create('python', { cwd });
    const startedAt = Date.now();
    const streamed = await run('kept = 1\nimport os\nos.kill(os.getpid(), 9)', context);
    expect(streamed.last.error?.ename).toBe('KernelDied');
    expect(types(streamed)).toEqual(['init', 'error']);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    const next = await run('import os\nprint(os.getcwd())\nkept', context);
    expect(next.stdout.join('')).toBe(`${cwd}\n`);
    expect(next.events.find((event) => event.type === 'error')?.error?.ename).toBe('NameError');
  });

  it('a kernel that somebody removed is replaced, and the context keeps its id', async () => {
    const context = await create('python');
    const headers = { Authorization: `token ${JUPYTER_TOKEN}` };
    const sessions = (await (await fetch(`${jupyter.url}/api/sessions`, { headers })).json()) as {
      readonly id: string;
      readonly kernel: { readonly id: string };
    }[];
    const kernel = sessions.find((session) => session.id === context.id)?.kernel.id ?? '';
    await fetch(`${jupyter.url}/api/kernels/${kernel}`, { method: 'DELETE', headers });
    const streamed = await run('print("new")', context);
    expect(streamed.stdout.join('')).toBe('new\n');
    expect(streamed.id).toBe(context.id);
  });

  it('contexts can be listed, read and deleted, one or all of a language', async () => {
    await fetch(`${agent.url}/code/contexts?language=bash`, { method: 'DELETE' });
    const [one, two] = await Promise.all([create('bash'), create('bash')]);
    const ids = (await list('?language=bash')).map((context) => context.id);
    expect(ids.sort()).toEqual([one.id, two.id].sort());
    const read = await fetch(`${agent.url}/code/contexts/${one.id}`);
    expect(await read.json()).toEqual({ id: one.id, language: 'bash' });
    const deleted = await fetch(`${agent.url}/code/contexts/${one.id}`, { method: 'DELETE' });
    expect([deleted.status, deleted.headers.get('content-length')]).toEqual([200, '0']);
    const gone = await fetch(`${agent.url}/code/contexts/${one.id}`);
    expect(gone.status).toBe(404);
    expect(await gone.json()).toEqual({ code: 'CONTEXT_NOT_FOUND', message: `context ${one.id} not found` });
    const missing = await send('echo', { language: 'bash', id: one.id });
    expect(missing.status).toBe(500);
    expect(await missing.json()).toEqual({
      code: 'RUNTIME_ERROR',
      message: 'error running codes context not found',
    });
    await fetch(`${agent.url}/code/contexts?language=bash`, { method: 'DELETE' });
    expect(await list('?language=bash')).toEqual([]);
    expect(await list('?language=cobol')).toEqual([]);
  });

  it('the kernel goes on when the client leaves', async () => {
    const context = await create('python');
    const leaving = new AbortController();
    const response = await fetch(`${agent.url}/code`, {
      method: 'POST',
      body: JSON.stringify({ code: 'import time\ntime.sleep(1)\nleft = "ran on"', context }),
      signal: leaving.signal,
    });
    for await (const event of eventsOf(response)) if (event.type === 'init') break;
    leaving.abort();
    const streamed = await eventually(async () => run('print(left)', context).catch(() => undefined));
    expect(streamed.stdout.join('')).toBe('ran on\n');
  });

  it('an agent that started again finds a context by its id', async () => {
    const context = await create('python');
    await run('remembered = 42', context);
    await using second = await startAgent({ env: jupyter.env });
    const response = await post(second.url, '/code', { code: 'remembered', context });
    expect(resultOf(readEvents(await response.text()))?.['text']).toBe('42');
    const foreign = await fetch(`${second.url}/code/contexts/${crypto.randomUUID()}`);
    expect(foreign.status).toBe(404);
  });

  it('a server that ended fails the running code, and serves again when it is back', async () => {
    const context = await create('python');
    const response = await send('import time\ntime.sleep(60)', context);
    const streamed = response.text().then(readEvents);
    await jupyter.kill();
    expect((await streamed).last.error?.ename).toBe('KernelDied');
    const later = run('print("back")', context);
    await jupyter.start();
    expect((await later).stdout.join('')).toBe('back\n');
  });

  it('the token appears nowhere in what the agent says', () => {
    expect(agent.printed()).not.toContain(JUPYTER_TOKEN);
  });
});
