import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { HAS_ENGINE, openDockerTest, temporaryDirectory } from '../docker-harness.ts';
import { CAN_OWN_ENGINE, openOwnEngine } from '../own-engine.ts';
import { danglingImages, imagesOf, openSnapshotWorld } from './snapshot-world.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
const HOST = { network_mode: 'host' };
const MIB = 1048576;

function failure(work: Promise<unknown>): Promise<Fault> {
  return work.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: unknown) => (error instanceof Fault ? error : Promise.reject(error as Error)),
  );
}

describe.skipIf(!HAS_ENGINE || !CAN_OWN_ENGINE)('a capture', () => {
  it('on a full disk fails with the reason and leaves no image', { timeout: 180_000 }, async () => {
    await using directory = await temporaryDirectory();
    const disk = join(directory.path, 'disk.img');
    const dataRoot = join(directory.path, 'data');
    await mkdir(dataRoot);
    await run('truncate', ['-s', String(160 * MIB), disk]);
    await run('mkfs.ext4', ['-q', disk]);
    await run('mount', ['-o', 'loop', disk, dataRoot]);
    await using engine = await openOwnEngine(directory.path, { dataRoot, storageDriver: 'overlay2' });
    await using test = await openDockerTest({ socket: engine.socket, section: HOST });
    await using world = openSnapshotWorld(test);
    const sandbox = await world.create();
    await world.inside(sandbox, 'dd if=/dev/urandom of=/big bs=1048576 count=80 2>/dev/null');
    const snapshotId = world.newId();
    const fault = await failure(world.capture(sandbox, snapshotId));
    expect(fault).toMatchObject({ kind: 'internal', code: 'snapshot.failed' });
    expect(fault.message).toMatch(/no space left on device/);
    expect(await imagesOf(test.docker, [snapshotId])).toEqual([]);
    expect(await danglingImages(test.docker)).toEqual([]);
    expect((await test.driver.inspect(sandbox, signal))?.phase).toBe('running');
    await world.inside(sandbox, 'rm /big');
    expect(await world.capture(sandbox, snapshotId)).toBe(`opensandbox-snapshots:${snapshotId}`);
  });

  it(
    'whose engine is killed fails typed, and nothing of it is there afterwards',
    { timeout: 180_000 },
    async () => {
      await using directory = await temporaryDirectory();
      await using engine = await openOwnEngine(directory.path, { config: { 'live-restore': true } });
      await using test = await openDockerTest({ socket: engine.socket, section: HOST });
      await using world = openSnapshotWorld(test);
      const sandbox = await world.create();
      await world.inside(sandbox, 'dd if=/dev/urandom of=/big bs=1048576 count=400 2>/dev/null');
      const snapshotId = world.newId();
      const capturing = failure(world.capture(sandbox, snapshotId));
      const isPaused = async (): Promise<boolean> =>
        (await test.docker('inspect', '--format', '{{.State.Paused}}', `sandbox-${sandbox}`)) === 'true';
      await expect.poll(isPaused, { timeout: 20_000, interval: 20 }).toBe(true);
      await engine.kill();
      expect(await capturing).toMatchObject({ kind: 'unavailable', code: 'engine.unavailable' });
      await engine.start();
      // Who asks meanwhile is told to wait as long as the sandbox looks as if it were being captured.
      const seen = await test.driver.inspect(sandbox, signal);
      if (seen?.phase === 'paused') await test.driver.pausing?.resume(sandbox, signal);
      const wish = { snapshotId, sandboxId: sandbox };
      expect(await world.facet.recover(wish, () => undefined, signal)).toBeUndefined();
      expect(await imagesOf(test.docker, [snapshotId])).toEqual([]);
      expect(await danglingImages(test.docker)).toEqual([]);
      if ((await test.driver.inspect(sandbox, signal))?.phase === 'running')
        await world.capture(sandbox, snapshotId);
    },
  );
});
