import { ConnectionConfig, Sandbox } from '@alibaba-group/opensandbox';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, lines, removeAll } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';

const IMAGE = 'opensandbox-demo:latest';
const SMALL = 'opensandbox-test/busybox:latest';
const PINS = '/run/opensandbox/pins';

type Volumes = NonNullable<Parameters<typeof Sandbox.create>[0]['volumes']>;

describe('volumes, through the official SDK', () => {
  let server: ServerProcess;
  let directory: string;
  let data: string;
  const open: Sandbox[] = [];
  const claim = `volume-story-${randomBytes(6).toString('hex')}`;

  async function create(volumes: Volumes): Promise<Sandbox> {
    const connectionConfig = new ConnectionConfig({ domain: server.domain, apiKey: server.apiKey });
    const made = await Sandbox.create({ connectionConfig, image: IMAGE, timeoutSeconds: 300, volumes });
    open.push(made);
    return made;
  }

  async function run(sandbox: Sandbox, command: string): Promise<string> {
    const { logs, exitCode } = await sandbox.commands.run(`${command} 2>&1`);
    const text = logs.stdout.map((line) => line.text).join('\n');
    if (exitCode !== 0) throw new Error(text);
    return text;
  }

  /** Through the API alone: the SDK never returns from a create that fails. */
  async function post(volumes: unknown, image = SMALL, headers = {}) {
    const body = {
      image: { uri: image },
      entrypoint: ['sleep', '300'],
      resourceLimits: {},
      timeout: 60,
      volumes,
    };
    return server.call('POST', '/v1/sandboxes', body, headers);
  }

  const volumeIsThere = async (name: string): Promise<boolean> =>
    (await lines('volume', 'ls', '-q', '--filter', `name=^${name}$`)).length === 1;

  async function gone(name: string): Promise<void> {
    for (let attempt = 0; attempt < 400 && (await volumeIsThere(name)); attempt += 1) await pause(50);
    expect(await volumeIsThere(name)).toBe(false);
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opensandbox-volumes-'));
    data = join(directory, 'data');
    await mkdir(data);
    server = await openServer({ extra: `[storage]\nallowed_host_paths = ["${data}"]` });
    await server.start();
  });

  afterAll(async () => {
    for (const made of open) await made.close();
    await server.stop();
    await removeAll(server.instance);
    const made = await lines(
      'volume',
      'ls',
      '-q',
      '--filter',
      `label=opensandbox.io/instance=${server.instance}`,
    );
    for (const name of made) await docker('volume', 'rm', '-f', name);
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  it('carry files from one sandbox to the next and to the host', async () => {
    const first = await create([
      { name: 'work', mountPath: '/work', host: { path: join(data, 'project') } },
      { name: 'cache', mountPath: '/cache', pvc: { claimName: claim, deleteOnSandboxTermination: true } },
    ]);
    await run(first, 'echo from-first > /work/file && echo cached > /cache/file');
    expect(await readFile(join(data, 'project/file'), 'utf8')).toBe('from-first\n');
    const second = await create([
      { name: 'work', mountPath: '/work', readOnly: true, host: { path: data }, subPath: 'project' },
      { name: 'cache', mountPath: '/cache', pvc: { claimName: claim, createIfNotExists: false } },
    ]);
    expect(await run(second, 'cat /work/file /cache/file')).toBe('from-first\ncached');
    await expect(run(second, 'touch /work/no')).rejects.toThrow(/Read-only file system/);
    // The first made the volume and would take it along, but the second has it mounted.
    await first.kill();
    expect(await run(second, 'cat /cache/file')).toBe('cached');
    expect(await volumeIsThere(claim)).toBe(true);
    await second.kill();
    await gone(claim);
    expect(await readFile(join(data, 'project/file'), 'utf8')).toBe('from-first\n');
  });

  it('go with a sandbox that expires', { timeout: 180_000 }, async () => {
    const name = `${claim}-expiry`;
    const pvc = { claimName: name, deleteOnSandboxTermination: true };
    const { status, json } = await post([{ name: 'v', mountPath: '/v', pvc }], SMALL, { Prefer: 'wait=30' });
    expect(status).toBe(202);
    expect(await volumeIsThere(name)).toBe(true);
    const soon = new Date(Date.now() + 2_000).toISOString();
    const renewal = await server.call('POST', `/v1/sandboxes/${json.id}/renew-expiration`, {
      expiresAt: soon,
    });
    expect(renewal.status).toBe(200);
    await gone(name);
  });

  it('are not left behind when the image cannot be pulled', async () => {
    const name = `${claim}-pull`;
    const pvc = { claimName: name, deleteOnSandboxTermination: true };
    const { json } = await post([{ name: 'v', mountPath: '/v', pvc }], '127.0.0.1:1/none:none', {
      Prefer: 'wait=60',
    });
    expect(json.status.state).toBe('Failed');
    expect(await volumeIsThere(name)).toBe(false);
  });

  it('are refused with the documented codes', async () => {
    await mkdir(join(directory, 'outside'), { recursive: true });
    await symlink(join(directory, 'outside'), join(data, 'out'));
    await writeFile(join(data, 'plain'), '');
    const device = `${claim}-device`;
    await docker(
      'volume',
      'create',
      '--label',
      `opensandbox.io/instance=${server.instance}`,
      '-o',
      'type=tmpfs',
      '-o',
      'device=tmpfs',
      device,
    );
    const plain = { name: 'v', mountPath: '/v' };
    const host = (path: string, more = {}) => [{ ...plain, host: { path }, ...more }];
    const pvc = (claimName: string, more = {}, rest = {}) => [
      { ...plain, ...rest, pvc: { claimName, ...more } },
    ];
    const cases: readonly (readonly [unknown, number, string])[] = [
      [host('/etc'), 400, 'VOLUME::HOST_PATH_NOT_ALLOWED'],
      [host(join(data, 'out')), 400, 'VOLUME::HOST_PATH_NOT_ALLOWED'],
      [host(join(data, 'out'), { subPath: 'deeper' }), 400, 'VOLUME::HOST_PATH_NOT_ALLOWED'],
      [host(`${data}/../x`), 400, 'VOLUME::INVALID_HOST_PATH'],
      [host(`${data}/`), 400, 'VOLUME::INVALID_HOST_PATH'],
      [host(data, { subPath: '../x' }), 400, 'VOLUME::INVALID_SUB_PATH'],
      [host(join(data, 'plain'), { subPath: 'x' }), 500, 'VOLUME::HOST_PATH_CREATE_FAILED'],
      [pvc(`${claim}-none`, { createIfNotExists: false }), 400, 'VOLUME::PVC_NOT_FOUND'],
      [pvc(device, {}, { subPath: 'x' }), 400, 'VOLUME::PVC_SUBPATH_UNSUPPORTED_DRIVER'],
      [pvc('opensandbox-agent-1'), 400, 'SANDBOX::INVALID_PARAMETER'],
      [[...host(data), ...host(data)], 400, 'VOLUME::DUPLICATE_NAME'],
      [[...host(data), ...host(data, { name: 'w' })], 400, 'VOLUME::INVALID_MOUNT_PATH'],
      [host(data, { mountPath: '/opt/opensandbox' }), 400, 'VOLUME::INVALID_MOUNT_PATH'],
    ];
    for (const [volumes, status, code] of cases) {
      const answer = await post(volumes);
      expect([volumes, answer.status, answer.json.code]).toEqual([volumes, status, code]);
      expect(answer.json.message).not.toBe('');
    }
    expect(await readdir(join(directory, 'outside'))).toEqual([]);
  });

  it('leave nothing when the server is killed while it mounts', async () => {
    const names = Array.from({ length: 4 }, (_none, n) => `${claim}-kill-${n}`);
    const made = await Promise.all(
      names.map((claimName) =>
        post([
          { name: 'h', mountPath: '/h', host: { path: join(data, 'killed') } },
          { name: 'c', mountPath: '/c', pvc: { claimName, deleteOnSandboxTermination: true } },
        ]),
      ),
    );
    while ((await pins(server.pid())).length === 0) await pause(1);
    const killed = server.pid();
    await server.kill();
    await server.start();
    for (const { json } of made) {
      const deleted = await server.call('DELETE', `/v1/sandboxes/${json.id}`);
      expect(deleted.status).toBe(204);
    }
    for (const name of names) await gone(name);
    expect(await pins(killed)).toEqual([]);
    expect(await pins(server.pid())).toEqual([]);
    expect((await readdir(PINS)).filter((run) => run.includes(`-${killed}-`))).toEqual([]);
  });
});

async function pins(pid: number): Promise<readonly string[]> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  return mounts
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((at) => at.startsWith(`${PINS}/`) && at.includes(`-${pid}-`) && !at.includes('/probe/'));
}
