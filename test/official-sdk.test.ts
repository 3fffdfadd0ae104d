import { ConnectionConfig, Sandbox, SandboxManager } from '@alibaba-group/opensandbox';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeAll } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';

const IMAGE = 'opensandbox-demo:latest';

describe.each([
  ['straight to the sandbox', false],
  ['through the server proxy', true],
])('the official SDK, %s', (_way, useServerProxy) => {
  let server: ServerProcess;
  let sandbox: Sandbox;
  const open: Sandbox[] = [];

  function connection(): ConnectionConfig {
    return new ConnectionConfig({ domain: server.domain, apiKey: server.apiKey, useServerProxy });
  }

  async function create(options: Partial<Parameters<typeof Sandbox.create>[0]> = {}): Promise<Sandbox> {
    const made = await Sandbox.create({
      connectionConfig: connection(),
      image: IMAGE,
      timeoutSeconds: 300,
      ...options,
    });
    open.push(made);
    return made;
  }

  beforeAll(async () => {
    server = await openServer();
    await server.start();
    sandbox = await create({ metadata: { team: 'infra' }, env: { GREETING: 'hi there' } });
  });

  afterAll(async () => {
    for (const made of open) await made.close();
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
  });

  it('creates a sandbox that is Running and keeps what was asked for', async () => {
    const info = await sandbox.getInfo();
    expect(info.status.state).toBe('Running');
    expect(info.metadata).toEqual({ team: 'infra' });
    expect(info.entrypoint).toEqual(['tail', '-f', '/dev/null']);
    expect(info.image?.uri).toBe(IMAGE);
    expect(info.expiresAt?.getTime()).toBeGreaterThan(info.createdAt.getTime());
  });

  it('runs code in a session that keeps variables and directory', async () => {
    const id = await sandbox.commands.createSession({ workingDirectory: '/tmp' });
    const inSession = async (command: string, options = {}): Promise<string[]> => {
      const { logs } = await sandbox.commands.runInSession(id, command, options);
      return logs.stdout.map((line) => line.text);
    };
    expect(await inSession('export A=\'a $HOME "é"\'; pwd')).toEqual(['/tmp']);
    expect(await inSession('echo "$A"; pwd', { workingDirectory: '/var' })).toEqual(['a $HOME "é"', '/var']);
    expect(await inSession('pwd')).toEqual(['/var']);
    const failed = await sandbox.commands.runInSession(id, 'sh -c "echo session-fail >&2; exit 7"');
    expect(failed.id).toBe(id);
    expect(failed.exitCode).toBe(7);
    expect(failed.error?.value).toBe('7');
    expect(failed.complete).toBeUndefined();
    await sandbox.commands.deleteSession(id);
    await expect(sandbox.commands.deleteSession(id)).rejects.toThrow();
    await expect(sandbox.commands.runInSession(id, 'true')).rejects.toThrow();
  });

  it('runs a command and streams its output', async () => {
    const execution = await sandbox.commands.run('echo "$GREETING"; echo oops >&2; exit 3');
    expect(execution.logs.stdout.map((line) => line.text)).toEqual(['hi there']);
    expect(execution.logs.stderr.map((line) => line.text)).toEqual(['oops']);
    expect(execution.exitCode).toBe(3);
    expect(execution.error?.name).toBe('CommandExecError');
  });

  it('runs Python', async () => {
    const execution = await sandbox.commands.run("python3 -c 'print(sum(range(101)))'");
    expect(execution.logs.stdout[0]?.text).toBe('5050');
    expect(execution.exitCode).toBe(0);
  });

  it('follows a background command by its id', async () => {
    const execution = await sandbox.commands.run('echo one; sleep 0.3; echo two; exit 4', {
      background: true,
    });
    const id = execution.id ?? '';
    expect((await sandbox.commands.getCommandStatus(id)).running).toBeTypeOf('boolean');
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const status = await sandbox.commands.getCommandStatus(id);
      if (status.running === false) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect((await sandbox.commands.getCommandStatus(id)).exitCode).toBe(4);
    expect((await sandbox.commands.getBackgroundCommandLogs(id)).content).toBe('one\ntwo\n');
  });

  it('interrupts a running command', async () => {
    const started = Date.now();
    const execution = await sandbox.commands.run('sleep 30', undefined, {
      onInit: async (init) => sandbox.commands.interrupt(init.id),
    });
    expect(execution.error?.value).toBe('-1');
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  it('moves files in both directions, byte for byte', async () => {
    const bytes = new Uint8Array(randomBytes(3 * 1024 * 1024));
    await sandbox.files.createDirectories([{ path: '/tmp/story', mode: 755 }]);
    await sandbox.files.writeFiles([
      { path: '/tmp/story/grüße 1.txt', data: 'åäö\n', mode: 644 },
      { path: '/tmp/story/data.bin', data: bytes },
    ]);
    expect(await sandbox.files.readFile('/tmp/story/grüße 1.txt')).toBe('åäö\n');
    expect(Buffer.compare(await sandbox.files.readBytes('/tmp/story/data.bin'), bytes)).toBe(0);
    const found = await sandbox.files.search({ path: '/tmp/story', pattern: '*.bin' });
    expect(found.map((file) => file.path)).toEqual(['/tmp/story/data.bin']);
    await sandbox.files.moveFiles([{ src: '/tmp/story/data.bin', dest: '/tmp/story/moved.bin' }]);
    await sandbox.files.deleteFiles(['/tmp/story/moved.bin']);
    await expect(sandbox.files.readFile('/tmp/story/moved.bin')).rejects.toThrow();
    await sandbox.files.deleteDirectories(['/tmp/story']);
  });

  it('renews, and the new deadline is what a later reader sees', async () => {
    const before = await sandbox.getInfo();
    await sandbox.renew(3600);
    const after = await sandbox.getInfo();
    expect(after.expiresAt?.getTime()).toBeGreaterThan(before.expiresAt?.getTime() ?? Number.MAX_VALUE);
  });

  it('pauses and resumes without losing what runs inside', async () => {
    const paused = await create();
    const background = await paused.commands.run('sleep 300', { background: true });
    await paused.pause();
    expect((await paused.getInfo()).status.state).toBe('Paused');
    const resumed = await paused.resume();
    open.push(resumed);
    expect((await resumed.getInfo()).status.state).toBe('Running');
    expect((await resumed.commands.getCommandStatus(background.id ?? '')).running).toBe(true);
    await resumed.kill();
  });

  it('reaches a web server that listens inside the sandbox', async () => {
    await sandbox.commands.run('cd /etc && python3 -m http.server 3000 --bind 127.0.0.1', {
      background: true,
    });
    const url = await sandbox.getEndpointUrl(3000);
    let text = '';
    for (let attempt = 0; attempt < 100 && text === ''; attempt += 1) {
      const answer = await fetch(`${url}/hostname`);
      if (answer.ok) text = await answer.text();
      else await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(text.trim()).not.toBe('');
  });

  it('lists, patches metadata and removes as a manager', async () => {
    const manager = SandboxManager.create({ connectionConfig: connection() });
    const patched = await manager.patchSandboxMetadata(sandbox.id, { team: null, stage: 'test' });
    expect(patched.metadata).toEqual({ stage: 'test' });
    const listed = await manager.listSandboxInfos({ metadata: { stage: 'test' } });
    expect(listed.items.map((item) => item.id)).toEqual([sandbox.id]);
    const doomed = await create();
    await manager.killSandbox(doomed.id);
    await expect(manager.getSandboxInfo(doomed.id)).rejects.toMatchObject({ statusCode: 404 });
    await manager.close();
  });

  it('tells at once and truly why a sandbox cannot be made', async () => {
    const started = Date.now();
    await expect(create({ image: '127.0.0.1:1/no/such:image' })).rejects.toMatchObject({
      error: { code: 'DOCKER::SANDBOX_IMAGE_PULL_FAILED' },
    });
    expect(Date.now() - started).toBeLessThan(15_000);
  });
});
