import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from './support/event-lines.ts';
import { isolatedClient, startWithRights } from './support/isolated-client.ts';
import { IMAGES, startSandbox, whyNoContainers } from './support/sandbox-container.ts';
import type { SandboxContainer } from './support/sandbox-container.ts';

const reason = await whyNoContainers();
if (reason !== undefined) process.stdout.write(`isolated sessions are not tested: ${reason}\n`);
const WORKSPACE = { workspace: { path: '/workspace' } };
const RW = { workspace: { path: '/workspace', mode: 'rw' } };

describe.skipIf(reason !== undefined)('isolated sessions without the rights', () => {
  it('are refused before anything of a request is read, and the capabilities say what to do', async () => {
    await using sandbox = await startSandbox({ image: IMAGES[0], command: ['sleep', '3600'] });
    const { call } = isolatedClient(await sandbox.url());
    const { status, json } = await call('GET', '/capabilities');
    expect([status, json]).toEqual([
      200,
      {
        available: false,
        isolator: 'namespaces',
        version: expect.any(String) as string,
        message: expect.stringContaining('docker.isolation = true') as string,
        setpriv_available: false,
        userns_available: false,
        commit_supported: false,
        diff_supported: false,
      },
    ]);
    for (const [method, path, body] of [
      ['POST', '/session', '{broken'],
      ['GET', '/sessions'],
      ['GET', '/session/x'],
      ['DELETE', '/session/x'],
      ['POST', '/session/x/run', '{}'],
      ['GET', '/session/x/files/info?path=/a'],
      ['POST', '/session/x/files/mv', '[]'],
      ['GET', '/session/x/diff'],
    ] as const) {
      const answer = await call(method, path, body);
      expect([path, answer.status, answer.json]).toEqual([
        path,
        503,
        { code: 'SERVICE_UNAVAILABLE', message: 'isolation unavailable' },
      ]);
    }
  });
});

describe.skipIf(reason !== undefined).each([...IMAGES])('isolated sessions in %s', (image) => {
  let sandbox: SandboxContainer;
  let client: ReturnType<typeof isolatedClient>;

  beforeAll(async () => {
    sandbox = await startWithRights(image, { FOO_TOKEN: 'hidden', PLAIN: 'shown' });
    await sandbox.exec('sh', '-c', 'mkdir -p /workspace /mnt/ro /mnt/rw; echo lower > /workspace/kept');
    client = isolatedClient(await sandbox.url());
  }, 120_000);
  afterAll(() => sandbox[Symbol.asyncDispose]());

  it('are offered with all they can be', async () => {
    expect((await client.call('GET', '/capabilities')).json).toMatchObject({
      available: true,
      setpriv_available: true,
      userns_available: true,
      commit_supported: true,
      diff_supported: true,
    });
  });

  it('keep exported variables from run to run, and from one another', async () => {
    const id = await client.create(WORKSPACE);
    expect((await client.run(id, 'export X=1; echo $X')).events.map((event) => event.type)).toEqual([
      'stdout',
      'execution_complete',
    ]);
    expect((await client.run(id, 'echo $X')).stdout).toEqual(['1']);
    expect((await client.run(id, 'echo [$A]', { envs: { A: 'b' } })).stdout).toEqual(['[b]']);
    expect((await client.run(id, 'echo [$A]')).stdout).toEqual(['[]']);
    expect((await client.run(await client.create(WORKSPACE), 'echo [$X]')).stdout).toEqual(['[]']);
  });

  it('tell an exit code and merge the outputs', async () => {
    const id = await client.create(WORKSPACE);
    const run = await client.run(id, 'echo o; echo e >&2; exit 7');
    expect(run.stdout).toEqual(['o', 'e']);
    expect(run.last).toMatchObject({
      type: 'error',
      text: 'command exited with code 7',
      error: { ename: 'ExitError', evalue: '7', traceback: [] },
    });
    expect((await client.run(id, 'echo again')).stdout).toEqual(['again']);
  });

  it('interrupt a run whose time is over and go on', async () => {
    const id = await client.create(WORKSPACE);
    const startedAt = Date.now();
    const run = await client.run(id, 'sleep 30', { timeout_seconds: 1 });
    expect(run.last.error).toMatchObject({ ename: 'RuntimeError', evalue: 'timeout after 1s' });
    expect(Date.now() - startedAt).toBeLessThan(20_000);
    expect((await client.run(id, 'echo ok')).stdout).toEqual(['ok']);
  });

  it('run one thing after another', async () => {
    const id = await client.create(WORKSPACE);
    const code = 'echo begin >> order; sleep 0.3; echo end >> order';
    await Promise.all([client.run(id, code), client.run(id, code)]);
    expect((await client.run(id, 'cat order')).stdout).toEqual(['begin', 'end', 'begin', 'end']);
  });

  it('stop what runs when the client leaves', async () => {
    const id = await client.create(WORKSPACE);
    const leaving = new AbortController();
    const url = `${await sandbox.url()}/v1/isolated/session/${id}/run`;
    const body = JSON.stringify({ code: 'echo $$ > started; sleep 60' });
    const left = fetch(url, { method: 'POST', body, signal: leaving.signal }).catch(() => 'left');
    await eventually(async () => {
      const found = await client.call('GET', `/session/${id}/files/info?path=started`);
      return found.status === 200 ? true : undefined;
    });
    leaving.abort();
    expect(await left).toBe('left');
    const startedAt = Date.now();
    expect((await client.run(id, 'echo ok')).stdout).toEqual(['ok']);
    expect(Date.now() - startedAt).toBeLessThan(20_000);
  });

  it('write to a copy of the workspace, which diff packs and commit brings home', async () => {
    const id = await client.create(WORKSPACE);
    await client.run(id, 'echo new > made; rm kept');
    expect((await client.call('GET', `/session/${id}/files/download?path=/workspace/made`)).text).toBe(
      'new\n',
    );
    expect(await sandbox.exec('ls', '/workspace')).toBe('kept\n');
    const diff = await fetch(`${await sandbox.url()}/v1/isolated/session/${id}/diff`);
    expect(diff.headers.get('content-type')).toBe('application/gzip');
    const packed = Buffer.from(await diff.arrayBuffer());
    const { gunzipSync } = await import('node:zlib');
    const names = gunzipSync(packed).toString('latin1');
    expect(names).toContain('made');
    expect(names).toContain('.wh.kept');
    expect((await client.call('POST', `/session/${id}/commit`)).json).toEqual({
      committed: 1,
      removed_kept: ['kept'],
    });
    expect(await sandbox.exec('cat', '/workspace/made')).toBe('new\n');
    await sandbox.exec('sh', '-c', 'rm /workspace/made');
    expect((await client.call('DELETE', `/session/${id}`)).status).toBe(200);
    expect((await client.call('DELETE', `/session/${id}`)).json).toMatchObject({ code: 'SESSION_NOT_FOUND' });
  });

  it('cannot write elsewhere, gain rights, or see what is not theirs', async () => {
    const id = await client.create(WORKSPACE);
    const { stdout } = await client.run(
      id,
      `touch /etc/x 2>/dev/null || echo read-only
       echo x > /proc/sys/kernel/printk || echo no-sysctl
       mount -t tmpfs none /mnt 2>/dev/null || echo no-mount
       ls /var/lib/execd/isolation | wc -l
       ls /proc | grep -c '^[0-9]*$'
       grep ^Seccomp: /proc/self/status; env | grep -c TOKEN; echo $PLAIN`,
    );
    const lines = stdout.filter((line) => !line.includes('printk'));
    expect(lines.slice(0, 4)).toEqual(['read-only', 'no-sysctl', 'no-mount', '0']);
    expect(Number(lines[4])).toBeLessThan(8);
    expect(lines.slice(5)).toEqual(['Seccomp:\t2', '0', 'shown']);
  });

  it('refuse to write to a read-only workspace', async () => {
    const id = await client.create({ workspace: { path: '/workspace', mode: 'ro' } });
    expect((await client.run(id, 'touch x')).last.error?.ename).toBe('ExitError');
    const moved = await client.call('POST', `/session/${id}/files/mv`, [
      { src: '/workspace/kept', dest: '/workspace/moved' },
    ]);
    expect(moved.status).toBe(403);
    expect(moved.json).toMatchObject({ code: 'RUNTIME_ERROR' });
  });

  it('see other directories as they were asked for', async () => {
    const binds = [{ source: '/mnt/ro', readonly: true }, { source: '/mnt/rw' }];
    const id = await client.create({ ...RW, binds, profile: 'balanced', uid: 1234, uid_mode: 'userns' });
    const { stdout } = await client.run(
      id,
      'id -u; touch /mnt/ro/a || echo refused; touch /mnt/rw/b /tmp/shared',
    );
    expect([stdout[0], stdout.at(-1)]).toEqual(['1234', 'refused']);
    expect(await sandbox.exec('ls', '/mnt/rw', '/tmp/shared')).toContain('b');
    const strict = await client.create(RW);
    expect((await client.run(strict, 'ls /tmp/shared || echo absent')).stdout.at(-1)).toBe('absent');
  });

  it('have another user, and a network of their own where asked for', async () => {
    const id = await client.create({ ...RW, uid: 1000, gid: 1000, share_net: false });
    const { stdout } = await client.run(
      id,
      'id -u; grep ^CapEff: /proc/self/status; tail -n +3 /proc/net/dev | wc -l',
    );
    expect(stdout.slice(0, 2)).toEqual(['1000', 'CapEff:\t0000000000000000']);
    expect(Number(stdout[2])).toBeLessThanOrEqual(1);
  });

  it('are dead when their processes are gone, and say so in the next run', async () => {
    const id = await client.create(WORKSPACE);
    const run = client.run(id, 'sleep 60');
    await sandbox.exec(
      'sh',
      '-c',
      `for p in /proc/[0-9]*; do grep -qs 'isolated-serv[e]' $p/cmdline && kill -9 \${p#/proc/}; done 2> /dev/null; true`,
    );
    expect((await run).last.error?.evalue).toBe('session process has exited');
    expect((await client.call('GET', `/session/${id}`)).json).toMatchObject({ status: 'dead' });
    expect((await client.run(id, 'echo x')).last.error?.evalue).toBe('session process has exited');
  });

  it('end when they are idle', async () => {
    const id = await client.create({ ...WORKSPACE, idle_timeout_seconds: 1 });
    expect((await client.call('GET', `/session/${id}`)).json).toMatchObject({ idle_remaining_seconds: 1 });
    await eventually(async () =>
      (await client.call('GET', `/session/${id}`)).status === 404 ? true : undefined,
    );
  });

  it.each([
    [{}, 'workspace is required'],
    [{ workspace: { path: '' } }, 'workspace.path is required'],
    [{ workspace: { path: '/workspace', mode: 'x' } }, 'invalid workspace mode "x"'],
    [{ ...WORKSPACE, profile: 'x' }, 'unknown isolation profile'],
    [{ ...WORKSPACE, extra_writable: ['/etc'] }, 'not in allowlist'],
    [{ ...WORKSPACE, binds: [{ source: '/mnt/none' }] }, 'must be an existing path'],
    [{ workspace: { path: '/proc/self' } }, 'not allowed'],
  ])('refuse %j', async (body, message) => {
    const answer = await client.call('POST', '/session', body);
    expect([answer.status, answer.json['message']]).toEqual([400, expect.stringContaining(message)]);
  });

  it('leave nothing behind when the agent starts anew', async () => {
    await client.create(WORKSPACE);
    await sandbox.exec(
      'sh',
      '-c',
      'for p in /proc/[0-9]*; do case $(tr "\\0" " " < $p/cmdline) in "/opt/opensandbox/execd ") kill -9 ${p#/proc/};; esac; done; true',
    );
    await eventually(async () => {
      const answer = await client.call('GET', '/sessions').catch(() => undefined);
      return answer?.status === 200 && answer.text === '{"sessions":[]}' ? true : undefined;
    }, 20_000);
    expect(await sandbox.exec('ls', '/var/lib/execd/isolation')).toBe('');
    expect(await sandbox.exec('sh', '-c', 'cat /proc/[0-9]*/cmdline')).not.toContain('isolated-serve');
  });
});
