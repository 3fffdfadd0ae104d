import { ConnectionConfig, Sandbox } from '@alibaba-group/opensandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeAll } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const IMAGE = 'opensandbox-demo:latest';
type Execution = Awaited<ReturnType<Sandbox['commands']['run']>>;

const texts = (messages: readonly { readonly text: string }[]): string[] => messages.map(({ text }) => text);

/** What the official end-to-end suites ask of the agent. */
describe.each([
  ['straight to the sandbox', false],
  ['through the server proxy', true],
])('the agent under the official SDK, %s', (_way, useServerProxy) => {
  let server: ServerProcess;
  let sandbox: Sandbox;

  beforeAll(async () => {
    server = await openServer();
    await server.start();
    const connectionConfig = new ConnectionConfig({
      domain: server.domain,
      apiKey: server.apiKey,
      useServerProxy,
    });
    const env = { EXECD_API_GRACE_SHUTDOWN: '3s', EXECD_JUPYTER_IDLE_POLL_INTERVAL: '200ms' };
    sandbox = await Sandbox.create({ connectionConfig, image: IMAGE, timeoutSeconds: 600, env });
  });

  afterAll(async () => {
    await sandbox.close();
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
  });

  function expectSuccess(execution: Execution): void {
    expect(execution.error).toBeUndefined();
    expect(execution.complete?.executionTimeMs).toBeGreaterThanOrEqual(0);
    expect(execution.exitCode).toBe(0);
  }

  function expectFailure(execution: Execution): void {
    expect(execution.complete).toBeUndefined();
    expect(execution.error?.name).toBe('CommandExecError');
    expect(execution.exitCode).toBe(Number(execution.error?.value));
  }

  describe('health', () => {
    it('is told by a ping, at an endpoint of the agent', async () => {
      expect(await sandbox.health.ping()).toBe(true);
      expect((await sandbox.getEndpoint(44_772)).endpoint).toMatch(/[/:]44772$/);
    });

    it('has plausible metrics', async () => {
      const metrics = await sandbox.metrics.getMetrics();
      expect(metrics.cpuCount).toBeGreaterThan(0);
      expect(metrics.cpuUsedPercentage).toBeGreaterThanOrEqual(0);
      expect(metrics.cpuUsedPercentage).toBeLessThanOrEqual(100);
      expect(metrics.memoryTotalMiB).toBeGreaterThan(0);
      expect(metrics.memoryUsedMiB).toBeGreaterThan(0);
      expect(metrics.memoryUsedMiB).toBeLessThanOrEqual(metrics.memoryTotalMiB);
      expect(Math.abs(Date.now() - metrics.timestamp)).toBeLessThan(60_000);
    });
  });

  describe('commands', () => {
    it('tell their id once, their output and their end once', async () => {
      const told: string[] = [];
      const execution = await sandbox.commands.run('echo "Hello OpenSandbox E2E"', undefined, {
        onInit: (init) => void told.push(`init ${init.id}`),
        onStdout: ({ text }) => void told.push(text),
        onStderr: ({ text }) => void told.push(`stderr ${text}`),
        onExecutionComplete: () => void told.push('complete'),
        onError: ({ value }) => void told.push(`error ${value}`),
      });
      expect(told).toEqual([`init ${execution.id ?? ''}`, 'Hello OpenSandbox E2E', 'complete']);
      expect(texts(execution.logs.stderr)).toEqual([]);
      expectSuccess(execution);
    });

    it('run where they are told to', async () => {
      const execution = await sandbox.commands.run('pwd', { workingDirectory: '/tmp' });
      expect(texts(execution.logs.stdout)).toEqual(['/tmp']);
    });

    it('answer at once in the background, without a status', async () => {
      const started = Date.now();
      const execution = await sandbox.commands.run('sleep 30', { background: true });
      expect(Date.now() - started).toBeLessThan(10_000);
      expect(execution.exitCode ?? undefined).toBeUndefined();
      await sandbox.commands.interrupt(execution.id ?? '');
    });

    it('that do not exist fail with what the shell says', async () => {
      const execution = await sandbox.commands.run('nonexistent-command-xyz');
      expectFailure(execution);
      expect(execution.exitCode).toBe(127);
      expect(texts(execution.logs.stderr).join()).toContain('nonexistent-command-xyz');
    });

    it('end at their timeout', async () => {
      const started = Date.now();
      expectFailure(await sandbox.commands.run('sleep 30', { timeoutSeconds: 1 }));
      expect(Date.now() - started).toBeLessThan(15_000);
    });

    it('run as the user that is asked for', async () => {
      const { logs } = await sandbox.commands.run('id -u; id -g', { uid: 65_534, gid: 1234 });
      expect(texts(logs.stdout)).toEqual(['65534', '1234']);
    });

    it('get variables for themselves alone', async () => {
      const show = 'if [ -z "${E2E_VALUE:-}" ]; then echo empty; else echo "$E2E_VALUE"; fi';
      const value = 'value with "quotes" and $HOME';
      const run = async (envs?: Record<string, string>): Promise<string[]> =>
        texts((await sandbox.commands.run(show, envs === undefined ? {} : { envs })).logs.stdout);
      expect(await run()).toEqual(['empty']);
      expect(await run({ E2E_VALUE: value })).toEqual([value]);
      expect(await run()).toEqual(['empty']);
    });

    it('have a status at once and output from a cursor on', async () => {
      const { id = '' } = await sandbox.commands.run('echo log-line-1; echo log-line-2; sleep 2', {
        background: true,
      });
      const status = await sandbox.commands.getCommandStatus(id);
      expect(status.id).toBe(id);
      expect(status.running).toBeTypeOf('boolean');
      expect(status.startedAt).toBeInstanceOf(Date);
      let content = '';
      let cursor: number | undefined;
      await until('both lines', 20_000, async () => {
        const logs = await sandbox.commands.getBackgroundCommandLogs(id, cursor);
        content += logs.content;
        cursor = logs.cursor;
        return content.includes('log-line-2');
      });
      expect(content).toBe('log-line-1\nlog-line-2\n');
    });

    it('are interrupted by the id they begin with, and the next one works', async () => {
      const started = Date.now();
      const ids: string[] = [];
      const running = sandbox.commands.run('sleep 30', undefined, {
        onInit: (init) => void ids.push(init.id),
      });
      const [id = ''] = await until('the id', 10_000, async () => (ids.length > 0 ? ids : undefined));
      await sandbox.commands.interrupt(id);
      const execution = await running;
      expect(Date.now() - started).toBeLessThan(20_000);
      expect(execution.id).toBe(id);
      expect(execution.error).toBeDefined();
      expect(execution.complete).toBeUndefined();
      expectSuccess(await sandbox.commands.run('echo next'));
    });

    it('are interrupted in the background, and what is no id is refused', async () => {
      const { id = '' } = await sandbox.commands.run('sleep 30', { background: true });
      await sandbox.commands.interrupt(id);
      await until('the end', 10_000, async () => {
        return (await sandbox.commands.getCommandStatus(id)).running === false;
      });
      await expect(sandbox.commands.interrupt('no-such-id')).rejects.toThrow();
    });
  });

  it('sessions keep their directory and variables, and survive a failure', async () => {
    const id = await sandbox.commands.createSession({ workingDirectory: '/tmp' });
    const run = async (command: string, options = {}): Promise<Execution> =>
      sandbox.commands.runInSession(id, command, options);
    const lines = async (command: string, options = {}): Promise<string[]> =>
      texts((await run(command, options)).logs.stdout);
    expect(await lines('pwd')).toEqual(['/tmp']);
    expect(await lines('pwd', { workingDirectory: '/var' })).toEqual(['/var']);
    expect(await lines('export E2E_SESSION=kept')).toEqual([]);
    expect(await lines('printf %s "$E2E_SESSION"')).toEqual(['kept']);
    expectFailure(await run("sh -c 'echo session-fail >&2; exit 7'"));
    expectFailure(await run('exit 3'));
    const late = await run('sleep 30', { timeoutSeconds: 1 });
    expect([late.error === undefined, late.complete]).toEqual([false, undefined]);
    expectSuccess(await run('echo still here'));
    await sandbox.commands.deleteSession(id);
    await expect(run('true')).rejects.toThrow();
    const other = await sandbox.commands.createSession();
    await sandbox.commands.deleteSession(other);
  });

  describe('files', () => {
    const AT = '/tmp/sdk-files';

    it('live through a whole story', async () => {
      const { files } = sandbox;
      await files.createDirectories([
        { path: `${AT}/one`, mode: 755 },
        { path: `${AT}/two`, mode: 644 },
      ]);
      const made = await files.getFileInfo([`${AT}/one`, `${AT}/two`]);
      expect([made[`${AT}/one`]?.mode, made[`${AT}/two`]?.mode]).toEqual([755, 644]);
      const rows = await sandbox.commands.run(`ls -la ${AT} | grep -E "one|two"`);
      expect(texts(rows.logs.stdout)).toHaveLength(2);

      const bytes = new TextEncoder().encode('Hello åäö\nsecond line\n');
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(bytes);
          controller.close();
        },
      });
      const owner = { owner: 'nobody', group: 'nogroup' };
      await files.writeFiles([
        { path: `${AT}/one/text`, data: 'Hello åäö\nsecond line\n', mode: 644 },
        { path: `${AT}/one/bytes`, data: bytes, mode: 755, ...owner },
        { path: `${AT}/one/stream`, data: stream, mode: 600 },
      ]);
      const found = await files.search({ path: `${AT}/one`, pattern: '*' });
      expect(found.map(({ path }) => path).sort()).toEqual(
        ['bytes', 'stream', 'text'].map((name) => `${AT}/one/${name}`),
      );
      for (const name of ['bytes', 'stream', 'text']) {
        expect(await files.readFile(`${AT}/one/${name}`)).toBe('Hello åäö\nsecond line\n');
      }
      expect(await files.readFile(`${AT}/one/text`, { range: 'bytes=0-9' })).toHaveLength(8);
      expect((await files.readBytes(`${AT}/one/text`, { range: 'bytes=0-9' })).length).toBe(10);
      const pieces: Uint8Array[] = [];
      for await (const piece of files.readBytesStream(`${AT}/one/bytes`)) pieces.push(piece);
      expect(Buffer.concat(pieces)).toEqual(Buffer.from(bytes));

      const before = (await files.getFileInfo([`${AT}/one/bytes`]))[`${AT}/one/bytes`];
      expect(before).toMatchObject({ size: bytes.length, mode: 755, ...owner });
      await files.setPermissions([{ path: `${AT}/one/bytes`, mode: 600, owner: 'root', group: 'root' }]);
      const after = (await files.getFileInfo([`${AT}/one/bytes`]))[`${AT}/one/bytes`];
      expect(after).toMatchObject({ mode: 600, owner: 'root', group: 'root' });
    });

    it('are replaced in, with and without counts', async () => {
      const { files } = sandbox;
      const path = `${AT}/replace`;
      await files.writeFiles([{ path, data: 'old old old' }]);
      const replace = (oldContent: string, newContent: string) =>
        files.replaceContentsDetailed([{ path, oldContent, newContent }]);
      expect(await replace('absent', 'x')).toEqual([{ path, replacedCount: 0 }]);
      expect(await replace('old', 'new')).toEqual([{ path, replacedCount: 3 }]);
      await files.replaceContents([{ path, oldContent: 'new new', newContent: 'last' }]);
      expect(await files.readFile(path)).toBe('last new');
    });

    it('are moved, listed and deleted', async () => {
      const { files } = sandbox;
      await files.writeFiles([{ path: `${AT}/from/file`, data: 'x' }]);
      await files.createDirectories([{ path: `${AT}/to`, mode: 755 }]);
      await files.moveFiles([{ src: `${AT}/from/file`, dest: `${AT}/to/file` }]);
      await expect(files.readFile(`${AT}/from/file`)).rejects.toThrow();
      const listed = await files.listDirectory({ path: `${AT}/to` });
      expect(listed.map(({ path, type }) => [path, type])).toEqual([[`${AT}/to/file`, 'file']]);
      await files.deleteFiles([`${AT}/to/file`]);
      await expect(files.readFile(`${AT}/to/file`)).rejects.toThrow();
      expect(await files.search({ path: `${AT}/to`, pattern: '*' })).toEqual([]);
      await files.deleteDirectories([AT]);
      await expect(files.getFileInfo([AT])).rejects.toThrow();
    });

    it('are read by lines', async () => {
      const { files } = sandbox;
      const path = '/tmp/sdk-lines';
      await files.writeFiles([{ path, data: 'one\ntwo\r\nthree\nfour\nfive\n' }]);
      expect(await files.readFile(path, { offset: 2, limit: 2 })).toBe('two\nthree');
      expect(await files.readFile(path, { offset: 4 })).toBe('four\nfive');
      expect(await files.readFile(path, { limit: 1 })).toBe('one');
      expect(await files.readFile(path, { offset: 100 })).toBe('');
      await expect(files.readFile(path, { offset: 0 })).rejects.toThrow();
      await files.deleteFiles([path]);
    });
  });
});
