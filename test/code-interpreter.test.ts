import { ConnectionConfig, Sandbox } from '@alibaba-group/opensandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containersOf, removeAll } from './support/docker.ts';
import { KERNELS, startKernels } from './support/kernels.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';

interface Context {
  readonly id: string;
  readonly language: string;
}

interface CodeEvent {
  readonly type: string;
  readonly text?: string;
  readonly timestamp: number;
  readonly results?: Readonly<Record<string, string>>;
  readonly error?: { readonly ename: string; readonly traceback: readonly string[] };
}

/** The calls of the code interpreter's SDK, whose package is not at hand; kernels are played beside the sandbox. */
describe.each([
  ['straight to the sandbox', false],
  ['through the server proxy', true],
])('the calls of the code interpreter, %s', (_way, useServerProxy) => {
  let server: ServerProcess;
  let sandbox: Sandbox;
  let url: string;
  let endKernels = (): void => undefined;

  beforeAll(async () => {
    server = await openServer();
    await server.start();
    const { domain, apiKey } = server;
    const connectionConfig = new ConnectionConfig({ domain, apiKey, useServerProxy });
    sandbox = await Sandbox.create({ connectionConfig, image: 'opensandbox-demo:latest', env: KERNELS });
    const [container = ''] = await containersOf(server.instance);
    endKernels = await startKernels(container);
    url = await sandbox.getEndpointUrl(44_772);
  });

  afterAll(async () => {
    endKernels();
    await sandbox.close();
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
  });

  const call = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(url + path, {
      method,
      headers: { 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  async function json<T>(answer: Response): Promise<T> {
    expect(answer.status).toBe(200);
    return (await answer.json()) as T;
  }

  const create = async (language: string): Promise<Context> =>
    json<Context>(await call('POST', '/code/context', { language }));

  /** Begins a run; the answer is there once the context is taken by it. */
  async function begin(code: string, context: object): Promise<Response> {
    const answer = await call('POST', '/code', { code, context });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    return answer;
  }

  const run = async (code: string, context: object): Promise<CodeEvent[]> =>
    eventsOf(await begin(code, context));

  async function eventsOf(answer: Response): Promise<CodeEvent[]> {
    const blocks = (await answer.text()).split('\n\n').filter((block) => block !== '');
    const events = blocks.map((block) => JSON.parse(block) as CodeEvent);
    for (const { timestamp } of events) expect(Number.isInteger(timestamp)).toBe(true);
    return events.filter(({ type }) => type !== 'ping');
  }

  it('tell a value, and begin with the id of the context', async () => {
    const context = await create('python');
    const events = await run('answer', context);
    expect(events[0]).toMatchObject({ type: 'init', text: context.id });
    expect(events.find(({ type }) => type === 'result')?.results?.['text']).toBe('4');
    expect(events.filter(({ type }) => type === 'execution_complete')).toHaveLength(1);
    expect(events.find(({ type }) => type === 'error')).toBeUndefined();
  });

  it.each(['python', 'java', 'bash'])('run %s in its default context, always the same', async (language) => {
    const [first] = await run('answer', { language });
    const [second] = await run('answer', { language });
    expect(second?.text).toBe(first?.text);
    const listed = await json<Context[]>(await call('GET', `/code/contexts?language=${language}`));
    expect(listed).toContainEqual({ id: first?.text, language });
  });

  it('tell an error by its name, with a traceback of lines', async () => {
    const failed = (await run('fail', { language: 'python' })).find(({ type }) => type === 'error');
    expect(failed?.error?.ename).toBe('NameError');
    expect(failed?.error?.traceback.length).toBeGreaterThan(0);
  });

  it('run three contexts side by side', async () => {
    const contexts = await Promise.all(['python', 'java', 'bash'].map(create));
    const all = await Promise.all(contexts.map((context) => run('answer', context)));
    expect(all.map(([init]) => init?.text)).toEqual(contexts.map(({ id }) => id));
    for (const events of all) expect(events.at(-1)?.type).toBe('execution_complete');
  });

  it('interrupt by the id a run begins with, and refuse other ids', async () => {
    const context = await create('python');
    const running = await begin('wait', context);
    const busy = await call('POST', '/code', { code: 'answer', context });
    expect(await busy.text()).toContain('session is busy');
    const interrupted = await call('DELETE', `/code?id=${context.id}`);
    expect([interrupted.status, interrupted.headers.get('content-length')]).toEqual([200, '0']);
    expect((await eventsOf(running)).find(({ type }) => type === 'error')?.error?.ename).toBe(
      'KeyboardInterrupt',
    );
    expect((await run('answer', context)).at(-1)?.type).toBe('execution_complete');
    const refused = await call('DELETE', '/code?id=no-such-id');
    expect(refused.status).toBe(500);
    expect(await refused.json()).toMatchObject({ code: 'RUNTIME_ERROR' });
  });

  it('list, find and delete contexts', async () => {
    const context = await create('bash');
    expect(await json(await call('GET', `/code/contexts/${context.id}`))).toEqual(context);
    const deleted = await call('DELETE', `/code/contexts/${context.id}`);
    expect([deleted.status, deleted.headers.get('content-length')]).toEqual([200, '0']);
    const gone = await call('GET', `/code/contexts/${context.id}`);
    expect([gone.status, await gone.json()]).toMatchObject([404, { code: 'CONTEXT_NOT_FOUND' }]);
    for (const language of ['bash', 'python']) {
      await create(language);
      expect((await call('DELETE', `/code/contexts?language=${language}`)).status).toBe(200);
      expect(await json(await call('GET', `/code/contexts?language=${language}`))).toEqual([]);
    }
  });
});
