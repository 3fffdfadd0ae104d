import { ConnectionConfig, Sandbox } from '@alibaba-group/opensandbox';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectPty, createPty } from '../apps/execd/test/support/pty-client.ts';
import { HAS_GVISOR, openGvisorServer } from './support/gvisor.ts';
import { KERNELS, startKernelsBeside } from './support/kernels.ts';
import type { OwnEngineServer } from './support/own-engine-server.ts';
import { until } from './support/wait.ts';

const IMAGE = 'opensandbox-demo:latest';

interface Inspect {
  readonly State: { readonly Pid: number };
  readonly HostConfig: {
    readonly Runtime: string;
    readonly SecurityOpt: readonly string[];
    readonly CapDrop: readonly string[];
  };
}

/** Sandbox ports are published in a namespace of their own, so everything goes through the server. */
describe.skipIf(!HAS_GVISOR)('sandboxes under gVisor (skipped without runsc)', () => {
  let own: OwnEngineServer;
  let directory: string;
  let shared: string;
  let sandbox: Sandbox;
  const open: Sandbox[] = [];

  function connection(): ConnectionConfig {
    const { domain, apiKey } = own.server;
    return new ConnectionConfig({ domain, apiKey, useServerProxy: true });
  }

  async function create(options: Partial<Parameters<typeof Sandbox.create>[0]> = {}): Promise<Sandbox> {
    const connectionConfig = connection();
    const made = await Sandbox.create({ connectionConfig, image: IMAGE, timeoutSeconds: 600, ...options });
    open.push(made);
    return made;
  }

  async function inspect(id: string): Promise<Inspect> {
    const [found] = JSON.parse(await own.docker('inspect', `sandbox-${id}`)) as [Inspect];
    return found;
  }

  async function output(from: Sandbox, command: string): Promise<string> {
    const { logs } = await from.commands.run(command);
    return logs.stdout.map((line) => line.text).join('\n');
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opensandbox-gvisor-'));
    const profile = join(directory, 'seccomp.json');
    await writeFile(profile, '{"defaultAction": "SCMP_ACT_ALLOW"}');
    shared = join(directory, 'shared');
    await mkdir(shared);
    own = await openGvisorServer({
      docker: `seccomp_profile = "${profile}"`,
      storage: `allowed_host_paths = ["${shared}"]`,
    });
    await own.server.start(own.env);
    sandbox = await create({ env: { GREETING: 'hi there', ...KERNELS } });
  });

  afterAll(async () => {
    for (const made of open) await made.close();
    await own.server.stop();
    await own[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  it('run on a kernel of their own, with the profiles that are configured', async () => {
    const { HostConfig: host } = await inspect(sandbox.id);
    expect(host.Runtime).toBe('runsc');
    expect(host.SecurityOpt).toEqual([
      'no-new-privileges:true',
      'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}',
    ]);
    expect(host.CapDrop).toContain('SYS_ADMIN');
    const ours = (await own.docker('version', '--format', '{{.Server.KernelVersion}}')).trim();
    const theirs = await output(sandbox, 'uname -r');
    expect(theirs).toMatch(/^\d+\.\d+/);
    expect(theirs).not.toBe(ours);
    expect(await output(sandbox, 'dmesg')).toContain('gVisor');
  });

  it('answer a ping and tell what they use', async () => {
    expect(await sandbox.health.ping()).toBe(true);
    const metrics = await sandbox.metrics.getMetrics();
    expect(metrics.cpuCount).toBeGreaterThan(0);
    expect(metrics.memoryUsedMiB).toBeGreaterThan(0);
    expect(metrics.memoryUsedMiB).toBeLessThanOrEqual(metrics.memoryTotalMiB);
  });

  it('run commands, in the background too, and interrupt them', async () => {
    const failing = await sandbox.commands.run('echo "$GREETING"; echo oops >&2; exit 3');
    expect(failing.logs.stdout.map((line) => line.text)).toEqual(['hi there']);
    expect(failing.logs.stderr.map((line) => line.text)).toEqual(['oops']);
    expect(failing.exitCode).toBe(3);
    expect(await output(sandbox, "python3 -c 'print(sum(range(101)))'")).toBe('5050');
    const { id = '' } = await sandbox.commands.run('echo one; sleep 0.2; echo two; exit 4', {
      background: true,
    });
    await until('the background command has ended', 20_000, async () => {
      const status = await sandbox.commands.getCommandStatus(id);
      return status.running === false && status.exitCode === 4;
    });
    expect((await sandbox.commands.getBackgroundCommandLogs(id)).content).toBe('one\ntwo\n');
    const interrupted = await sandbox.commands.run('sleep 60', undefined, {
      onInit: async (init) => sandbox.commands.interrupt(init.id),
    });
    expect(interrupted.error?.value).toBe('-1');
  });

  it('mount directories of the host', async () => {
    const volumes = [{ name: 'data', mountPath: '/data', host: { path: shared }, readOnly: false }];
    const mounted = await create({ volumes });
    await writeFile(join(shared, 'from-host'), 'seen');
    expect(await output(mounted, 'cat /data/from-host; echo kept > /data/from-sandbox')).toBe('seen');
    expect(await readFile(join(shared, 'from-sandbox'), 'utf8')).toBe('kept\n');
    await mounted.kill();
  });

  it('keep sessions', async () => {
    const id = await sandbox.commands.createSession({ workingDirectory: '/tmp' });
    await sandbox.commands.runInSession(id, 'export A=kept; cd /var');
    const { logs } = await sandbox.commands.runInSession(id, 'echo "$A"; pwd');
    expect(logs.stdout.map((line) => line.text)).toEqual(['kept', '/var']);
    await sandbox.commands.deleteSession(id);
  });

  it('keep files, byte for byte, with their owners and modes', async () => {
    const { files } = sandbox;
    const bytes = new Uint8Array(randomBytes(3 << 20));
    await files.createDirectories([{ path: '/tmp/story', mode: 755 }]);
    await files.writeFiles([
      { path: '/tmp/story/grüße 1.txt', data: 'åäö\n', mode: 644 },
      { path: '/tmp/story/data.bin', data: bytes, mode: 600, owner: 'nobody', group: 'nogroup' },
    ]);
    expect(await files.readFile('/tmp/story/grüße 1.txt')).toBe('åäö\n');
    expect(Buffer.compare(await files.readBytes('/tmp/story/data.bin'), bytes)).toBe(0);
    const info = await files.getFileInfo(['/tmp/story/data.bin']);
    expect(info['/tmp/story/data.bin']).toMatchObject({ mode: 600, owner: 'nobody', group: 'nogroup' });
    await files.moveFiles([{ src: '/tmp/story/data.bin', dest: '/tmp/story/moved.bin' }]);
    const found = await files.search({ path: '/tmp/story', pattern: '*.bin' });
    expect(found.map(({ path }) => path)).toEqual(['/tmp/story/moved.bin']);
    await files.deleteDirectories(['/tmp/story']);
    await expect(files.readFile('/tmp/story/moved.bin')).rejects.toThrow();
  });

  it('give a terminal', async () => {
    const url = await sandbox.getEndpointUrl(44_772);
    const client = await connectPty(url, await createPty(url));
    try {
      await client.message('connected');
      client.type('tty; stty size\n');
      await client.see(/\/dev\/pts\/\d+\r\n24 80\r\n/);
      client.type('sh -c \'echo a""sleep; exec sleep 60\'\n');
      await client.see('asleep\r\n');
      client.tell({ type: 'signal', signal: 'SIGINT' });
      client.type('echo a""live\n');
      await client.see('alive\r\n');
    } finally {
      client.close();
    }
  });

  it('run code in a kernel', async () => {
    const { State: state } = await inspect(sandbox.id);
    const endKernels = await startKernelsBeside(state.Pid);
    try {
      const url = await sandbox.getEndpointUrl(44_772);
      const headers = { 'Content-Type': 'application/json' };
      const body = JSON.stringify({ code: 'answer', context: { language: 'python' } });
      const answer = await fetch(`${url}/code`, { method: 'POST', headers, body });
      const events = (await answer.text())
        .split('\n\n')
        .filter((block) => block !== '')
        .map(
          (block) =>
            JSON.parse(block) as { readonly type: string; readonly results?: { readonly text: string } },
        );
      expect(events.find(({ type }) => type === 'result')?.results?.text).toBe('4');
      expect(events.at(-1)?.type).toBe('execution_complete');
    } finally {
      endKernels();
    }
  });

  it('are reached at the ports that they listen on', async () => {
    await sandbox.commands.run('cd /etc && python3 -m http.server 3000', { background: true });
    const url = await sandbox.getEndpointUrl(3000);
    const text = await until('the server in the sandbox answers', 20_000, async () => {
      const answer = await fetch(`${url}/hostname`);
      return answer.ok && answer.text();
    });
    expect(text.trim()).not.toBe('');
  });

  it('are paused and resumed with what runs inside', async () => {
    const paused = await create();
    const { id = '' } = await paused.commands.run('sleep 300', { background: true });
    await paused.pause();
    expect((await paused.getInfo()).status.state).toBe('Paused');
    const resumed = await paused.resume();
    open.push(resumed);
    expect((await resumed.commands.getCommandStatus(id)).running).toBe(true);
    await resumed.kill();
    await expect(resumed.getInfo()).rejects.toMatchObject({ statusCode: 404 });
    expect(await own.docker('ps', '-aq', '--filter', `name=sandbox-${paused.id}`)).toBe('');
  });

  it('are captured and restored', async () => {
    await sandbox.commands.run('echo kept > /root/mark');
    const taken = await own.server.call('POST', `/v1/sandboxes/${sandbox.id}/snapshots`, {});
    expect(taken.status).toBe(202);
    await until('the snapshot is ready', 60_000, async () => {
      const { json } = await own.server.call('GET', `/v1/snapshots/${taken.json.id}`);
      return json.status.state === 'Ready';
    });
    const body = { snapshotId: taken.json.id, timeout: 600, resourceLimits: {} };
    const { json } = await own.server.call('POST', '/v1/sandboxes', body, { Prefer: 'wait=60' });
    const restored = await Sandbox.connect({ sandboxId: json.id, connectionConfig: connection() });
    open.push(restored);
    expect((await inspect(json.id)).HostConfig.Runtime).toBe('runsc');
    expect(await output(restored, 'cat /root/mark')).toBe('kept');
    await restored.kill();
  });

  it('see no more than their share, and end truly when they outgrow it', async () => {
    const small = await create({ resource: { cpu: '500m', memory: '192Mi' } });
    expect((await small.metrics.getMetrics()).memoryTotalMiB).toBe(192);
    // The limit holds for the kernel of the sandbox as a whole, so it ends as a whole.
    const dying = small.commands.run(`python3 -c 'bytearray(400 << 20)'`).catch(() => undefined);
    const status = await until('the sandbox has ended', 30_000, async () => {
      const { status: now } = await small.getInfo();
      return now.state === 'Failed' && now;
    });
    expect(status.reason).toBe('CONTAINER_OOM_KILLED');
    await dying;
    await small.kill();
  });
});
