import { expect } from 'vitest';
import { eventsOf } from '../../support/event-lines.ts';
import type { StreamEvent } from '../../support/event-lines.ts';
import { call, expectError, expectVoid, jsonOf } from '../row.ts';
import type { Row } from '../row.ts';
import type { Site } from '../site.ts';

interface Context {
  readonly id: string;
  readonly language: string;
}

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly authorization?: string;
  readonly body: string;
}

const TOKEN = 'row-jupyter-token';
const JUPYTER_PORT = 44_771;

/** An agent of its own that knows the Jupyter server beside the sandbox. */
function withJupyter(site: Site, port = JUPYTER_PORT): Promise<Site> {
  return site.agent({ env: { JUPYTER_HOST: `http://127.0.0.1:${port}`, JUPYTER_TOKEN: TOKEN } });
}

async function makeContext(site: Site, language: string): Promise<Context> {
  return jsonOf<Context>(await call(site, 'POST', '/code/context', { language }));
}

function start(site: Site, code: string, context: object): Promise<Response> {
  return call(site, 'POST', '/code', { code, context });
}

interface CodeEvent extends StreamEvent {
  readonly results?: Readonly<Record<string, string>>;
}

async function run(site: Site, code: string, context: object): Promise<CodeEvent[]> {
  const events: CodeEvent[] = [];
  for await (const event of eventsOf(await start(site, code, context))) {
    if (event.type !== 'ping') events.push(event);
  }
  return events;
}

/** Code that a kernel runs. The kernels are played: what is seen here is what the agent makes of them. */
export const CODE: readonly Row[] = [
  {
    key: 'T53',
    name: 'code that cannot run is refused before its stream begins',
    async run(site) {
      const python = await start(site, '1', { language: 'python' });
      await expectError(python, 500, 'RUNTIME_ERROR', /^error running codes .*not configured/);
      const cobol = await start(site, '1', { language: 'cobol' });
      await expectError(cobol, 500, 'RUNTIME_ERROR', /unknown language: cobol/);
      await expectError(await start(site, '', {}), 400, 'INVALID_REQUEST_BODY');
      const unknown = await start(site, '1', { id: 'unknown', language: 'python' });
      await expectError(unknown, 500, 'RUNTIME_ERROR');
    },
  },
  {
    key: 'T54',
    name: 'a context is a session of the kernel that the image brings',
    async run(site) {
      const agent = await withJupyter(site);
      const context = await makeContext(agent, 'python');
      expect(context).toEqual({ id: context.id, language: 'python' });
      const session = await call(site, 'GET', `/proxy/${JUPYTER_PORT}/api/sessions/${context.id}`);
      expect(await jsonOf(session)).toMatchObject({ id: context.id, kernel: { name: 'python' } });
      const seen = await jsonOf<Seen[]>(await call(site, 'GET', `/proxy/${JUPYTER_PORT}/seen`));
      const asked = seen.filter(({ authorization }) => authorization === `Token ${TOKEN}`);
      expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual(
        expect.arrayContaining(['GET /api/kernelspecs', 'POST /api/sessions']),
      );
    },
  },
  {
    key: 'T55',
    name: 'only what answers the code ends its stream, in the order it was told',
    async run(site) {
      const agent = await withJupyter(site);
      const context = await makeContext(agent, 'python');
      const events = await run(agent, 'answer', { id: context.id, language: 'python' });
      expect(events).toMatchObject([
        { type: 'init', text: context.id },
        { type: 'stdout', text: 'two\nlines\n' },
        { type: 'execution_count', execution_count: 1 },
        { type: 'result', results: { text: '4', 'text/plain': '4' } },
        { type: 'execution_complete' },
      ]);
    },
  },
  {
    key: 'T55-default',
    name: 'without a context each language has one of its own, and pictures are results of text',
    async run(site) {
      const agent = await withJupyter(site);
      const events = await run(agent, 'plot', { language: 'java' });
      expect(events.map((event) => event.type)).toEqual(['init', 'result', 'execution_complete']);
      expect(events[1]?.results).toMatchObject({ 'image/png': 'iVBO', text: '<Figure>' });
      const contexts = await jsonOf<Context[]>(await call(agent, 'GET', '/code/contexts?language=java'));
      expect(contexts).toEqual([{ id: events[0]?.text, language: 'java' }]);
      expect((await run(agent, 'other', { language: 'java' }))[0]?.text).toBe(events[0]?.text);
    },
  },
  {
    key: 'T56',
    name: 'an error of the code comes with its traceback',
    async run(site) {
      const agent = await withJupyter(site);
      const events = await run(agent, 'fail', { language: 'python' });
      expect(events.find((event) => event.type === 'error')?.error).toEqual({
        ename: 'NameError',
        evalue: "name 'x' is not defined",
        traceback: ['line one', 'line two'],
      });
      expect(events.filter((event) => event.type === 'execution_complete').length).toBeLessThanOrEqual(1);
      expect(events.some((event) => event.type === 'status')).toBe(false);
    },
  },
  {
    key: 'T57',
    name: 'a context that is busy refuses, and can be interrupted',
    async run(site) {
      const agent = await withJupyter(site);
      const context = await makeContext(agent, 'python');
      const first = eventsOf(await start(agent, 'wait', context));
      expect((await first.next()).value).toMatchObject({ type: 'init', text: context.id });
      await expectError(await start(agent, 'answer', context), 500, 'RUNTIME_ERROR', /session is busy/);
      await expectVoid(await call(agent, 'DELETE', `/code?id=${context.id}`));
      const rest: CodeEvent[] = [];
      for await (const event of first) rest.push(event);
      expect(rest.find((event) => event.type === 'error')?.error?.ename).toBe('KeyboardInterrupt');
      expect((await run(agent, 'answer', context)).at(-1)?.type).toBe('execution_complete');
    },
  },
  {
    key: 'T58',
    name: 'contexts are listed, found and deleted, one by one or by language',
    async run(site) {
      const agent = await withJupyter(site);
      const python = await makeContext(agent, 'python');
      const bash = await makeContext(agent, 'bash');
      const again = await makeContext(agent, 'python');
      const list = async (query: string): Promise<string[]> =>
        (await jsonOf<Context[]>(await call(agent, 'GET', `/code/contexts${query}`)))
          .map(({ id }) => id)
          .sort();
      expect(await list('')).toEqual([python.id, bash.id, again.id].sort());
      expect(await list('?language=bash')).toEqual([bash.id]);
      expect(await list('?language=cobol')).toEqual([]);
      expect(await jsonOf(await call(agent, 'GET', `/code/contexts/${bash.id}`))).toEqual(bash);
      await expectVoid(await call(agent, 'DELETE', `/code/contexts/${bash.id}`));
      for (const method of ['GET', 'DELETE']) {
        const gone = await call(agent, method, `/code/contexts/${bash.id}`);
        await expectError(gone, 404, 'CONTEXT_NOT_FOUND', /^context .* not found$/);
      }
      await expectVoid(await call(agent, 'DELETE', '/code/contexts?language=python'));
      expect(await list('')).toEqual([]);
      await expectError(await call(agent, 'DELETE', '/code/contexts'), 400, 'MISSING_QUERY');
      const sql = await call(agent, 'GET', '/code/contexts?language=sql');
      await expectError(sql, 500, 'RUNTIME_ERROR', /unsupported language context operation: sql/);
    },
  },
  {
    key: 'T59',
    name: 'a Jupyter server that is not up yet is waited for',
    async run(site) {
      const port = site.freePort();
      const agent = await withJupyter(site, port);
      await expectVoidOrText(await call(site, 'GET', `/proxy/9010/${port}?after=3000`));
      const started = Date.now();
      expect(await makeContext(agent, 'python')).toMatchObject({ language: 'python' });
      expect(Date.now() - started).toBeGreaterThan(2000);
    },
  },
];

async function expectVoidOrText(answer: Response): Promise<void> {
  await answer.text();
  expect(answer.status).toBe(200);
}
