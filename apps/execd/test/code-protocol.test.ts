import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAgent } from './support/agent-process.ts';
import type { AgentProcess } from './support/agent-process.ts';
import { eventually, post, readEvents } from './support/event-lines.ts';
import type { StreamEvent } from './support/event-lines.ts';
import { startFakeJupyter } from './support/fake-jupyter.ts';
import type { AskedCode, FakeJupyter } from './support/fake-jupyter.ts';

interface CodeEvent extends StreamEvent {
  readonly results?: Readonly<Record<string, string>>;
  readonly execution_count?: number;
}

describe('an agent without a Jupyter server', () => {
  it('says at once that there is none, and serves what needs none', async () => {
    await using agent = await startAgent();
    const refused = await post(agent.url, '/code', { code: '1', context: { language: 'python' } });
    expect(refused.status).toBe(500);
    expect(await refused.json()).toEqual({
      code: 'RUNTIME_ERROR',
      message: 'error running codes language runtime server not configured, please check your image runtime',
    });
    const context = await post(agent.url, '/code/context', { language: 'python' });
    expect(await context.json()).toEqual({
      code: 'RUNTIME_ERROR',
      message:
        'error creating code context. language runtime server not configured, please check your image runtime',
    });
    const lists = await fetch(`${agent.url}/code/contexts`);
    expect(await lists.json()).toEqual([]);
    expect((await fetch(`${agent.url}/code/contexts/x`)).status).toBe(404);
    const shell = readEvents(await (await post(agent.url, '/code', { code: 'echo x' })).text());
    expect(shell.stdout).toEqual(['x']);
  });

  it.each(['command', 'background-command', 'sql'])('has no contexts for %s', async (language) => {
    await using agent = await startAgent();
    for (const answer of [
      await fetch(`${agent.url}/code/contexts?language=${language}`),
      await fetch(`${agent.url}/code/contexts?language=${language}`, { method: 'DELETE' }),
      await post(agent.url, '/code/context', { language }),
    ]) {
      expect(answer.status).toBe(500);
      const message = `unsupported language context operation: ${language}`;
      expect(await answer.json()).toEqual({ code: 'RUNTIME_ERROR', message });
    }
  });

  it('refuses what no request may be', async () => {
    await using agent = await startAgent();
    const statuses = await Promise.all([
      post(agent.url, '/code', { code: '' }),
      post(agent.url, '/code', '{'),
      post(agent.url, '/code', { code: 'x', context: { language: 'cobol' } }),
      post(agent.url, '/code/context', {}),
      post(agent.url, '/code/context', { language: 'cobol' }),
      fetch(`${agent.url}/code/contexts`, { method: 'DELETE' }),
    ]).then((answers) => answers.map((answer) => answer.status));
    expect(statuses).toEqual([400, 400, 500, 400, 500, 400]);
  });
});

describe('code on a kernel, message by message', () => {
  let jupyter: FakeJupyter;
  let agent: AgentProcess;

  beforeEach(async () => {
    jupyter = await startFakeJupyter();
    agent = await startAgent({ env: jupyter.env });
  });
  afterEach(async () => {
    await agent.stop();
    await jupyter[Symbol.asyncDispose]();
  });

  async function run(): Promise<readonly CodeEvent[]> {
    const response = await post(agent.url, '/code', { code: 'x', context: { language: 'python' } });
    expect(response.status).toBe(200);
    return readEvents(await response.text()).events;
  }
  const types = async (): Promise<string[]> => (await run()).map((event) => event.type);

  it('picks the kernel of the image, shows its token in header and query, and nowhere else', async () => {
    await run();
    expect(jupyter.kernelNames).toEqual(['python']);
    expect([...jupyter.authorizations]).toEqual(['Token fake-jupyter-token']);
    expect(jupyter.requests.at(-1)).toMatch(/^WS \/api\/kernels\/[0-9a-f-]{36}\/channels\?token=TOKEN$/);
    expect(agent.printed()).not.toContain('fake-jupyter-token');
  });

  it('gives up a kernel that floods a client who takes nothing, and runs the next code', async () => {
    jupyter.run = (asked) => {
      for (let sent = 0; sent < 100; sent += 1) {
        asked.say('stream', { name: 'stdout', text: 'x'.repeat(1024 * 1024) });
      }
      asked.reply();
      asked.idle();
    };
    const flooded = await post(agent.url, '/code', { code: 'x', context: { language: 'python' } });
    await eventually(async () => (jupyter.connections() === 0 ? true : undefined), 20_000);
    const { last } = readEvents(await flooded.text());
    expect([last.type, last.error?.evalue]).toEqual(['error', 'the connection to the kernel was lost']);
    jupyter.run = (asked) => {
      asked.reply();
      asked.idle();
    };
    expect(await types()).toEqual(['init', 'execution_complete']);
  });

  it('takes only what belongs to its request, until it was answered and the kernel is idle', async () => {
    jupyter.run = (asked) => {
      asked.idle('another');
      asked.say('stream', { name: 'stdout', text: 'not mine' }, 'another');
      asked.say('stream', { name: 'stdout', text: 'a\nb' });
      asked.say('execute_result', {
        execution_count: 7,
        data: { 'text/plain': '4', 'application/json': [1] },
      });
      asked.reply();
      asked.idle();
    };
    const [init, ...rest] = await run();
    expect(init?.type).toBe('init');
    expect(
      rest.map(({ type, text, results, execution_count }) => ({ type, text, results, execution_count })),
    ).toEqual([
      { type: 'stdout', text: 'a\nb' },
      { type: 'execution_count', execution_count: 7 },
      { type: 'result', results: { 'text/plain': '4', text: '4', 'application/json': '[1]' } },
      { type: 'execution_complete' },
    ]);
  });

  it('takes a result that comes soon after the kernel became idle, before or after its reply', async () => {
    jupyter.run = (asked) => {
      asked.idle();
      asked.reply();
      setTimeout(() => asked.say('execute_result', { execution_count: 1, data: { 'text/plain': '1' } }), 40);
    };
    expect(await types()).toEqual(['init', 'execution_count', 'result', 'execution_complete']);
  });

  it('tells of an error once, also when only the reply tells of it', async () => {
    const failure = { ename: 'E', evalue: 'v', traceback: ['t'] };
    jupyter.run = (asked) => {
      asked.say('error', failure);
      asked.reply({ status: 'error', ...failure });
      asked.idle();
    };
    expect((await run()).filter((event) => event.type === 'error').map((event) => event.error)).toEqual([
      failure,
    ]);
    jupyter.run = (asked) => {
      asked.reply({ status: 'error', ...failure });
      asked.idle();
    };
    const events = await run();
    expect(events.map((event) => event.type)).toEqual(['init', 'error', 'execution_complete']);
    expect(events[1]?.error).toEqual(failure);
  });

  it('sends code again that the kernel threw away behind a failing one', async () => {
    let asked = 0;
    jupyter.run = (code) => {
      asked += 1;
      code.reply({ status: asked < 3 ? 'aborted' : 'ok' });
      code.idle();
    };
    expect(await types()).toEqual(['init', 'execution_complete']);
    expect(asked).toBe(3);
  });

  it.each(['restarting', 'dead'])('ends with an error when the kernel is %s', async (state) => {
    jupyter.run = (asked) => asked.say('status', { execution_state: state }, '');
    const events = await run();
    expect(events.map((event) => event.type)).toEqual(['init', 'error']);
    expect(events.at(-1)).toMatchObject({ error: { ename: 'KernelDied' }, code: 'RUNTIME_ERROR' });
    jupyter.run = (asked) => {
      asked.reply();
      asked.idle();
    };
    expect(await types()).toEqual(['init', 'execution_complete']);
  });

  it('ends with an error when the connection is lost', async () => {
    jupyter.run = (asked) => asked.hangUp();
    expect((await run()).at(-1)?.error?.evalue).toBe('the connection to the kernel was lost');
  });

  it('deletes a context whose session is gone, and keeps one that could not be deleted', async () => {
    const made = await post(agent.url, '/code/context', { language: 'python' });
    const { id } = (await made.json()) as { readonly id: string };
    const remove = (): Promise<Response> => fetch(`${agent.url}/code/contexts/${id}`, { method: 'DELETE' });
    jupyter.answer = (asked) => {
      return asked.startsWith('DELETE') ? { status: 500, body: { message: 'no' } } : undefined;
    };
    const failed = await remove();
    expect(failed.status).toBe(500);
    expect(((await failed.json()) as { readonly message: string }).message).toMatch(
      new RegExp(`^error deleting code context ${id}\\. .*500.*: no$`),
    );
    jupyter.answer = (asked) => (asked.endsWith(id) ? { status: 404, body: {} } : undefined);
    expect((await remove()).status).toBe(200);
    expect((await remove()).status).toBe(404);
  });

  it('says at once that the server refuses its token', async () => {
    jupyter.answer = () => ({ status: 403, body: { message: 'Forbidden' } });
    const refused = await post(agent.url, '/code/context', { language: 'python' });
    expect(refused.status).toBe(500);
    expect(await refused.json()).toEqual({
      code: 'RUNTIME_ERROR',
      message: 'error creating code context. the Jupyter server refuses the configured token',
    });
  });

  it('is interrupted when it begins, if the kernel took long to begin', async () => {
    const interrupts = (): number => jupyter.requests.filter((asked) => asked.endsWith('/interrupt')).length;
    jupyter.answer = (asked) => (asked.endsWith('/interrupt') ? { status: 200, body: {} } : undefined);
    const usual = jupyter.run;
    let held: AskedCode | undefined;
    jupyter.run = (asked) => (asked.code === 'wait' ? (held = asked) : usual(asked));
    const made = await post(agent.url, '/code/context', { language: 'python' });
    const { id } = (await made.json()) as { readonly id: string };
    const running = await post(agent.url, '/code', { code: 'wait', context: { id, language: 'python' } });
    const asked = await eventually(async () => held);
    expect((await fetch(`${agent.url}/code?id=${id}`, { method: 'DELETE' })).status).toBe(200);
    expect(interrupts()).toBe(1);
    asked.say('execute_input', { code: 'wait', execution_count: 1 });
    await eventually(async () => (interrupts() === 2 ? true : undefined));
    asked.reply();
    asked.idle();
    expect(readEvents(await running.text()).last.type).toBe('execution_complete');
  });

  it('interrupting an id nobody knows fails', async () => {
    const answer = await fetch(`${agent.url}/code?id=${crypto.randomUUID()}`, { method: 'DELETE' });
    expect(answer.status).toBe(500);
    expect(await answer.json()).toEqual({
      code: 'RUNTIME_ERROR',
      message: 'error interruptting code context. no such session',
    });
  });

  it('waits for a kernel that is still being installed, until the client leaves', async () => {
    jupyter.answer = (asked) => {
      return asked.endsWith('kernelspecs') ? { status: 200, body: { kernelspecs: {} } } : undefined;
    };
    const leaving = new AbortController();
    const left = fetch(`${agent.url}/code/context`, {
      method: 'POST',
      body: '{"language":"python"}',
      signal: leaving.signal,
    }).catch(() => 'left');
    const waiting = post(agent.url, '/code/context', { language: 'python' });
    await eventually(async () => (jupyter.requests.length >= 3 ? true : undefined));
    leaving.abort();
    expect(await left).toBe('left');
    jupyter.answer = () => undefined;
    expect((await waiting).status).toBe(200);
    expect(jupyter.kernelNames).toHaveLength(1);
  });
});

describe('a Jupyter server that comes up late', () => {
  it('is waited for', async () => {
    await using first = await startFakeJupyter();
    const { port, env } = first;
    await first[Symbol.asyncDispose]();
    await using agent = await startAgent({ env });
    const waiting = post(agent.url, '/code', { code: 'x', context: { language: 'python' } });
    await new Promise((resume) => setTimeout(resume, 1200));
    await using late = await startFakeJupyter(port);
    expect(readEvents(await (await waiting).text()).last.type).toBe('execution_complete');
    expect(late.kernelNames).toEqual(['python']);
  });
});
