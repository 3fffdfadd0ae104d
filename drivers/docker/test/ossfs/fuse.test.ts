import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSandboxId, sampleRecord } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest } from '../docker-harness.ts';
import { never, openOssWorld, ossVolume, until } from './ossfs-world.ts';
import type { Life, OssWorld } from './ossfs-world.ts';
import { clearAway, HAS_FUSE, makeStandIn, mountsBelow } from './stand-in.ts';

if (!HAS_FUSE) console.log('skipped: OSS mounts over FUSE need root, /dev/fuse and bindfs');

describe.skipIf(!HAS_FUSE)('OSS mounts that a process serves', () => {
  let world: OssWorld;
  let server: Life;

  beforeEach(async () => {
    world = await openOssWorld();
    await world.standIn.serveByProcess();
    server = world.live();
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    for (const pid of await world.standIn.servers()) process.kill(pid, 'SIGKILL');
    await world[Symbol.asyncDispose]();
  });

  it('keep their process after the program has ended, and end it with themselves', async () => {
    const id = newSandboxId();
    const { path } = await server.prepare(id);
    await writeFile(join(path, 'file'), 'through the process');
    expect(await readFile(join(await world.standIn.bucket('bucket-one'), 'file'), 'utf8')).toBe(
      'through the process',
    );
    expect(await world.standIn.servers()).toHaveLength(1);
    await server.backend.release?.(id, never);
    expect(await world.mounts()).toEqual([]);
    await until('the process has ended', async () => (await world.standIn.servers()).length === 0);
  });

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'are made anew for the next sandbox after a %s',
    async (signal) => {
      const [one, two] = [newSandboxId(), newSandboxId()];
      await writeFile(join(await world.standIn.bucket('bucket-one'), 'file'), 'content');
      await server.prepare(one);
      const [first = 0] = await world.standIn.servers();
      process.kill(first, signal);
      const { path } = await server.prepare(two);
      expect(await readFile(join(path, 'file'), 'utf8')).toBe('content');
      expect(await world.standIn.calls()).toHaveLength(2);
      await server.backend.release?.(two, never);
      expect(await world.mounts()).toEqual([path]);
      await server.backend.release?.(one, never);
      expect(await world.mounts()).toEqual([]);
    },
  );

  it('are unmounted though their process hangs', async () => {
    const id = newSandboxId();
    await server.prepare(id);
    const [pid = 0] = await world.standIn.servers();
    process.kill(pid, 'SIGSTOP');
    await until('the signal has arrived', () => isStill(pid));
    await server.backend.release?.(id, never);
    expect(await world.mounts()).toEqual([]);
  });
});

/** Whether every thread of a process is stopped, or it has ended. */
async function isStill(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const read = (thread: string): Promise<string> =>
    readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => ') X');
  const states = (await Promise.all(threads.map(read))).map(
    (stat) => stat.slice(stat.lastIndexOf(')') + 2)[0],
  );
  return states.every((state) => state === 'T' || state === 'Z' || state === 'X');
}

describe.skipIf(!HAS_FUSE || !HAS_ENGINE)('A sandbox of the Docker driver with an OSS bucket', () => {
  it('reads and writes it, and takes the mount along when it goes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'opensandbox-ossfs-'));
    const root = join(directory, 'mnt');
    const standIn = await makeStandIn(directory);
    await standIn.serveByProcess();
    const test = await openDockerTest({
      deps: {
        env: { DOCKER_HOST: 'unix:///var/run/docker.sock', PATH: standIn.path },
        storage: { allowedHostPaths: [], ossfsMountRoot: root },
      },
    });
    try {
      const volumes = [ossVolume({ subPath: 'team' })];
      const record = sampleRecord({ spec: busyboxSpec({ volumes }) });
      await writeFile(join(await standIn.bucket('bucket-one/team'), 'before'), 'from the bucket');
      await test.driver.create(record, () => undefined, never);
      const script = 'cat /data/before && echo hello > /data/after';
      expect(await test.docker('exec', `sandbox-${record.id}`, 'sh', '-c', script)).toBe('from the bucket');
      expect(await readFile(join(directory, 'buckets/bucket-one/team/after'), 'utf8')).toBe('hello\n');
      await test.driver.destroy(record.id, never);
      expect(await mountsBelow(root)).toEqual([]);
      await until('the process has ended', async () => (await standIn.servers()).length === 0);
    } finally {
      await test[Symbol.asyncDispose]();
      await clearAway(directory);
    }
  });

  it('leaves no mount when its container cannot be made', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'opensandbox-ossfs-'));
    const root = join(directory, 'mnt');
    const standIn = await makeStandIn(directory);
    const test = await openDockerTest({
      deps: {
        env: { DOCKER_HOST: 'unix:///var/run/docker.sock', PATH: standIn.path },
        storage: { allowedHostPaths: [], ossfsMountRoot: root },
      },
    });
    try {
      const volumes = [{ ...ossVolume(), mountPath: '/bin/busybox/inner' }];
      const record = sampleRecord({ spec: busyboxSpec({ volumes }) });
      const creating = test.driver.create(record, () => undefined, never);
      await expect(creating).rejects.toMatchObject({ code: 'sandbox.start_failed' });
      expect(await standIn.calls()).toHaveLength(1);
      expect(await mountsBelow(root)).toEqual([]);
      expect(await test.leftovers()).toEqual([]);
    } finally {
      await test[Symbol.asyncDispose]();
      await clearAway(directory);
    }
  });
});
