import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CAN_MOUNT, clearAway, makeStandIn, mountsBelow } from '../drivers/docker/test/ossfs/stand-in.ts';
import type { StandIn } from '../drivers/docker/test/ossfs/stand-in.ts';
import { containersOf, docker, removeAll } from './support/docker.ts';
import { openEngineGate, stepName } from './support/engine-gate.ts';
import type { EngineGate } from './support/engine-gate.ts';
import { copyServer } from './support/server-copy.ts';
import type { ServerCopy } from './support/server-copy.ts';
import { openServer } from './support/server-process.ts';
import type { ApiAnswer, ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const SECRET = 'Secret0123456789';
const BUCKET = {
  bucket: 'bucket-one',
  endpoint: 'oss.example.com',
  accessKeyId: 'LTAI0123',
  accessKeySecret: SECRET,
};

describe.skipIf(!CAN_MOUNT)('OSS buckets', () => {
  let directory: string;
  let root: string;
  let standIn: StandIn;
  let server: ServerProcess;
  let gate: EngineGate;
  let copy: ServerCopy;

  beforeAll(() => void (copy = copyServer()));
  afterAll(() => copy[Symbol.asyncDispose]());

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opensandbox-ossfs-'));
    root = join(directory, 'mnt');
    standIn = await makeStandIn(directory);
    gate = await openEngineGate();
    server = await openServer({
      program: copy.program,
      extra: `[storage]\nossfs_mount_root = "${root}"`,
      env: { PATH: standIn.path, DOCKER_HOST: gate.dockerHost },
    });
    await server.start();
  });

  afterEach(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
    await clearAway(directory);
  });

  function body(volumes: readonly object[]) {
    return {
      image: { uri: 'opensandbox-test/busybox:latest' },
      entrypoint: ['sleep', '600'],
      resourceLimits: {},
      timeout: 600,
      volumes,
    };
  }

  function volume(ossfs: object = {}, rest: object = {}) {
    return { name: 'data', mountPath: '/data', ossfs: { ...BUCKET, ...ossfs }, ...rest };
  }

  const create = (volumes: readonly object[], wait = 30): Promise<ApiAnswer> =>
    server.call('POST', '/v1/sandboxes', body(volumes), wait > 0 ? { Prefer: `wait=${wait}` } : {});

  async function running(...volumes: readonly object[]): Promise<string> {
    const made = await create(volumes);
    expect(made.json).toMatchObject({ status: { state: 'Running' } });
    return made.json.id;
  }

  const remove = (id: string): Promise<ApiAnswer> => server.call('DELETE', `/v1/sandboxes/${id}`);
  const inside = (id: string, script: string): Promise<string> =>
    docker('exec', `sandbox-${id}`, 'sh', '-c', script);
  const label = (id: string): Promise<string> =>
    docker('inspect', '-f', '{{index .Config.Labels "opensandbox.io/ossfs-mounts"}}', `sandbox-${id}`);

  async function expectNothingLeft(): Promise<void> {
    expect(await mountsBelow(root)).toEqual([]);
    expect(await readdir(root)).toEqual(['.opensandbox']);
    for (const name of ['files', 'mounts', 'apart']) {
      expect(await readdir(join(root, '.opensandbox', name))).toEqual([]);
    }
    expect(await containersOf(server.instance)).toEqual([]);
    expect(await standIn.living()).toBe(0);
  }

  async function state(id: string, wanted: string): Promise<void> {
    await until(`${id} is ${wanted}`, 60_000, async () => {
      return (await server.call('GET', `/v1/sandboxes/${id}`)).json.status.state === wanted;
    });
  }

  it('are read and written by two sandboxes over one mount, which ends with the second', async () => {
    await writeFile(join(await standIn.bucket('bucket-one/team'), 'before'), 'from the bucket');
    const [one, two] = await Promise.all([
      running(volume({}, { subPath: 'team' })),
      running(volume({}, { subPath: 'team', readOnly: true })),
    ]);
    const path = join(root, 'bucket-one/team');
    expect(await label(one)).toBe(JSON.stringify([path]));
    expect(await inside(one, 'cat /data/before; echo hello > /data/greeting')).toBe('from the bucket');
    expect(await inside(two, 'cat /data/greeting')).toBe('hello');
    await expect(inside(two, 'echo no > /data/greeting')).rejects.toThrow(/Read-only/);
    expect(await standIn.calls()).toHaveLength(1);
    expect((await remove(one)).status).toBe(204);
    expect(await mountsBelow(root)).toEqual([path]);
    expect((await remove(two)).status).toBe(204);
    await expectNothingLeft();
    expect(await readFile(join(directory, 'buckets/bucket-one/team/greeting'), 'utf8')).toBe('hello\n');
  });

  it('are refused with anything that could mean more than it says, before anything is made', async () => {
    const wishes = [
      volume({ bucket: '../evil/dir' }),
      volume({ endpoint: 'oss.example.com;id' }),
      volume({ options: ['allow_other\n--oss_bucket=other'] }),
      volume({ accessKeySecret: `${SECRET}\n--oss_bucket=other` }),
      volume({}, { subPath: 'a$(id)' }),
    ];
    for (const wish of wishes) {
      const refused = await create([wish], 0);
      expect([refused.status, refused.json.code]).toEqual([400, 'SANDBOX::INVALID_PARAMETER']);
      expect(refused.text).not.toContain(SECRET);
    }
    expect(existsSync(root)).toBe(false);
    expect(existsSync(join(directory, 'evil'))).toBe(false);
  });

  it('are named once each in the label of a sandbox that has several', async () => {
    const id = await running(
      volume({}, { name: 'one', subPath: 'a' }),
      volume({}, { name: 'two', subPath: 'a', mountPath: '/again', readOnly: true }),
      volume({ bucket: 'bucket-two' }, { name: 'three', mountPath: '/other' }),
    );
    const paths = [join(root, 'bucket-one/a'), join(root, 'bucket-two')];
    expect(await label(id)).toBe(JSON.stringify(paths));
    expect(await mountsBelow(root)).toEqual(paths);
    await remove(id);
    await expectNothingLeft();
  });

  it('are refused with other credentials than the ones of the sandboxes that use it', async () => {
    const one = await running(volume());
    const other = await create([volume({ accessKeySecret: 'bogus' })], 0);
    expect([other.status, other.json.code]).toEqual([409, 'VOLUME::OSSFS_MOUNT_FAILED']);
    expect(other.json.message).toContain('already mounted with other credentials');
    await remove(one);
    await expectNothingLeft();
  });

  it('are refused when the program for them is not there', async () => {
    await server.stop();
    await server.start({ PATH: '/usr/bin:/bin' });
    const refused = await create([volume()], 0);
    expect([refused.status, refused.json.code]).toEqual([500, 'VOLUME::OSSFS_MOUNT_FAILED']);
    expect(refused.json.message).toMatch(/need the program 'ossfs2'.*Install/);
  });

  it('that cannot be mounted make the sandbox fail with the reason, and no word of the credentials', async () => {
    await standIn.play('fail');
    const made = await create([volume()], 0);
    expect(made.status).toBe(202);
    await state(made.json.id, 'Failed');
    const seen = await server.call('GET', `/v1/sandboxes/${made.json.id}`);
    expect(seen.json.status.message).toContain('it ended with exit code 3: no access for');
    const endpoint = await server.call('GET', `/v1/sandboxes/${made.json.id}/endpoints/44772`);
    expect([endpoint.status, endpoint.json.code]).toEqual([500, 'VOLUME::OSSFS_MOUNT_FAILED']);
    for (const text of [seen.text, endpoint.text, server.output()]) expect(text).not.toContain(SECRET);
    await expectNothingLeft();
  });

  it('never leave a sandbox with the bare directory when the engine does not see what the server mounts', async () => {
    const apart = await openServer({
      program: copy.program,
      extra: `[storage]\nossfs_mount_root = "${root}"`,
      env: { PATH: standIn.path },
      through: ['/usr/bin/unshare', '--mount', '--propagation', 'private', '--'],
    });
    try {
      await apart.start();
      const made = await apart.call('POST', '/v1/sandboxes', body([volume()]), { Prefer: 'wait=30' });
      expect(made.json.status).toMatchObject({
        state: 'Failed',
        message: expect.stringContaining('the Docker engine does not see what this server mounts') as unknown,
      });
      expect(await containersOf(apart.instance)).toEqual([]);
      await apart.stop();
      await expectNothingLeft();
    } finally {
      await removeAll(apart.instance);
      await apart[Symbol.asyncDispose]();
    }
  });

  it('are given back when the container cannot be started', async () => {
    const file = {
      name: 'late',
      mountPath: '/bin/busybox/inner',
      ossfs: { ...BUCKET, bucket: 'bucket-two' },
    };
    const made = await create([volume(), file]);
    expect(made.json.status.state).toBe('Failed');
    expect(await standIn.calls()).toHaveLength(2);
    await expectNothingLeft();
  });

  it('are given back when the sandbox is deleted while they are being mounted', async () => {
    await standIn.play('hang-then-mount');
    const made = await create([volume()], 0);
    await until('the program runs', 15_000, async () => (await standIn.calls()).length > 0);
    expect((await remove(made.json.id)).status).toBe(204);
    await expectNothingLeft();
  });

  it('end when the sandbox expires', async () => {
    const id = await running(volume());
    const expiresAt = new Date(Date.now() + 1000).toISOString();
    await server.call('POST', `/v1/sandboxes/${id}/renew-expiration`, { expiresAt });
    await until('it is gone', 15_000, async () => {
      return (await server.call('GET', `/v1/sandboxes/${id}`)).status === 404;
    });
    await expectNothingLeft();
  });

  it('stay through the death of the server for as long as sandboxes use them', async () => {
    const first = await running(volume());
    const second = await running(volume());
    await server.call('POST', `/v1/sandboxes/${second}/pause`);
    await inside(first, 'echo kept > /data/file');
    await server.kill();
    await server.start();
    const other = await create([volume({ accessKeyId: 'Another' })], 0);
    expect(other.status).toBe(409);
    const third = await running(volume());
    expect(await inside(third, 'cat /data/file')).toBe('kept');
    expect(await standIn.calls()).toHaveLength(1);
    await remove(first);
    await remove(third);
    expect(await mountsBelow(root)).toEqual([join(root, 'bucket-one')]);
    await remove(second);
    await expectNothingLeft();
  });

  it('are mounted by the next server when one dies at any moment of a mount', async () => {
    for (const trick of ['hang', 'hang-then-mount', 'kill-then-mount', 'mount-then-kill'] as const) {
      const before = (await standIn.calls()).length;
      await standIn.play(trick);
      const made = await create([volume()], 0);
      await until('the program runs', 15_000, async () => (await standIn.calls()).length > before);
      expect(await readdir(join(root, '.opensandbox/files'))).not.toEqual([]);
      if (trick.startsWith('hang')) await server.kill();
      await until('the server is dead', 15_000, async () => server.exited());
      await standIn.play(undefined);
      await server.start();
      await state(made.json.id, 'Running');
      expect(await standIn.living()).toBe(0);
      expect(await readdir(join(root, '.opensandbox/files'))).toEqual([]);
      expect(await mountsBelow(root)).toEqual([join(root, 'bucket-one')]);
      await remove(made.json.id);
      await expectNothingLeft();
    }
  }, 180_000);

  it('are neither lost nor left when a server dies between two steps of a create', async () => {
    await remove(await running(volume())); // so that everything else is in place
    for (const moment of ['before', 'after'] as const) {
      for (const step of ['/containers/create', '/start']) {
        gate.watch = async (call, when) => {
          if (when === moment && stepName(call)?.endsWith(step) === true) await server.kill();
        };
        const made = await create([volume()], 0).catch(() => undefined);
        await until(`the server dies ${moment} ${step}`, 30_000, async () => server.exited());
        gate.watch = () => undefined;
        expect(await mountsBelow(root)).toHaveLength(1);
        await server.start();
        const id = made?.json.id ?? '';
        await state(id, 'Running');
        await inside(id, 'echo works > /data/file');
        expect(await readFile(join(directory, 'buckets/bucket-one/file'), 'utf8')).toBe('works\n');
        expect(await mountsBelow(root)).toEqual([join(root, 'bucket-one')]);
        await remove(id);
        await expectNothingLeft();
      }
    }
  }, 180_000);

  it('that somebody deletes while the server is dead are unmounted by the next', async () => {
    const id = await running(volume());
    await server.kill();
    execFileSync('docker', ['rm', '-f', '-v', `sandbox-${id}`]);
    await server.start();
    await until('it is unmounted', 15_000, async () => (await mountsBelow(root)).length === 0);
    await server.call('DELETE', `/v1/sandboxes/${id}`);
    await expectNothingLeft();
  });
});
