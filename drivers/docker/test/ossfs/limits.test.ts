import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FakeClock, newSandboxId } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exists, never, openOssWorld, ossVolume, until } from './ossfs-world.ts';
import type { OssWorld } from './ossfs-world.ts';
import { CAN_MOUNT, findProcesses } from './stand-in.ts';

describe.skipIf(!CAN_MOUNT)('OSS volumes', () => {
  let world: OssWorld;

  beforeEach(async () => {
    world = await openOssWorld();
  });

  afterEach(() => world[Symbol.asyncDispose]());

  /** A program in the stand-ins' directory, in front of the real one of that name. */
  async function replace(name: string, script: string): Promise<void> {
    const path = join(world.directory, 'bin', name);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
  }

  it('give up a mount after 30 seconds, and end everything it started', async () => {
    const clock = new FakeClock();
    await using server = world.live({ clock });
    await world.standIn.play('hang-then-mount');
    let isOver = false;
    const failure = server.prepare(newSandboxId()).catch((error: unknown) => error);
    void failure.finally(() => (isOver = true));
    await until('the program runs', async () => (await world.standIn.calls()).length === 1);
    await clock.advance(29_900);
    expect(isOver).toBe(false);
    await clock.advance(200);
    await until('it is given up', async () => {
      await clock.advance(100);
      return isOver;
    });
    expect(await failure).toMatchObject({
      kind: 'timeout',
      code: 'volume.ossfs_failed',
      message: "Failed to mount OSS bucket 'bucket-one' with ossfs2: it did not end within 30 s",
    });
    expect(await world.standIn.living()).toBe(0);
    expect(await world.mounts()).toEqual([]);
    expect(await world.directories()).toEqual([]);
  });

  it('give up a program that does not unmount after 20 seconds, and try the other one', async () => {
    const clock = new FakeClock();
    await using server = world.live({ clock });
    await replace('fusermount', `touch ${world.directory}/asked; sleep 60${process.pid} & wait`);
    const id = newSandboxId();
    await server.prepare(id);
    const releasing = server.backend.release?.(id, never);
    await until('it is asked', () => exists(join(world.directory, 'asked')));
    await clock.advance(19_900);
    expect(await world.mounts()).toHaveLength(1);
    await clock.advance(200);
    await releasing;
    expect(await world.mounts()).toEqual([]);
    await until(
      'what it started has ended',
      async () => (await findProcesses(`sleep 60${process.pid}`)).length === 0,
    );
  });

  it('keep in mind what no program unmounts, say so once, and try again every minute', async () => {
    const clock = new FakeClock();
    await using server = world.live({ clock });
    for (const name of ['fusermount', 'umount']) await replace(name, 'echo busy >&2; exit 1');
    const id = newSandboxId();
    await server.prepare(id);
    await server.backend.release?.(id, never);
    for (let minute = 0; minute < 3; minute += 1) {
      await clock.advance(60_000);
      await until('it was tried', async () => server.log.count('ossfs.unmount_failed') > 0);
    }
    expect(server.log.lines.filter((line) => line.event === 'ossfs.unmount_failed')).toMatchObject([
      {
        fields: {
          error: 'fusermount: it ended with exit code 1: busy; umount: it ended with exit code 1: busy',
        },
      },
    ]);
    expect(await world.mounts()).toHaveLength(1);
    await replace('umount', 'exec /bin/umount "$@"');
    await until('it is unmounted', async () => {
      await clock.advance(60_000);
      return (await world.journal()).length === 0;
    });
    expect(await world.mounts()).toEqual([]);
    expect(await world.directories()).toEqual([]);
  });

  it('do not follow a symbolic link below the mount root', async () => {
    await using server = world.live();
    const outside = join(world.directory, 'outside');
    await mkdir(outside);
    await mkdir(world.root, { mode: 0o700 });
    await symlink(outside, join(world.root, 'bucket-one'));
    await expect(server.prepare(newSandboxId(), { subPath: 'x' })).rejects.toMatchObject({
      kind: 'internal',
    });
    expect(await exists(join(outside, 'x'))).toBe(false);
    expect(await world.standIn.calls()).toEqual([]);
    expect(await world.journal()).toEqual([]);
  });

  it('are refused below a directory that others may write into', async () => {
    await using server = world.live();
    await mkdir(world.root);
    await chmod(world.root, 0o777);
    await expect(server.prepare(newSandboxId())).rejects.toMatchObject({ code: 'volume.ossfs_root' });
    expect(await world.directories()).toEqual([]);
    await server.backend.release?.(newSandboxId(), never);
  });

  it.each([
    ['relative', 'mnt/ossfs'],
    ['the root', '/'],
    ['with a colon', '/mnt/a:b'],
    ['absent', undefined],
  ])('are refused with a mount root that is %s', async (_what, mountRoot) => {
    await using server = world.live({ mountRoot });
    const refusal = { kind: 'internal', code: 'volume.ossfs_root' };
    await expect(server.backend.admit(ossVolume(), never)).rejects.toMatchObject(refusal);
    await server.backend.release?.(newSandboxId(), never); // hinders nobody's removal
    expect(server.log.count('ossfs.tidy_failed')).toBe(0);
  });

  it.each([
    ['the engine is on another machine', { isEngineRemote: true }, /engine runs on another one/],
    ['the server does not run on Linux', { platform: 'win32' }, /run on Linux/],
  ])('are refused when %s', async (_what, change, message) => {
    await using server = world.live(change);
    const refusal = { code: 'parameter.invalid', message: expect.stringMatching(message) as unknown };
    await expect(server.backend.admit(ossVolume(), never)).rejects.toMatchObject(refusal);
  });

  it('are refused without their program, by its name', async () => {
    await using server = world.live({ searchPath: '/usr/bin:/bin' });
    await expect(server.backend.admit(ossVolume({ version: '1.0' }), never)).rejects.toMatchObject({
      code: 'volume.ossfs_failed',
      message: expect.stringContaining("need the program 'ossfs', which is not in the PATH") as unknown,
    });
  });

  it('are looked at without anything being made', async () => {
    await using server = world.live();
    await server.backend.admit(ossVolume(), never);
    await server.backend.release?.(newSandboxId(), never);
    expect(await exists(world.root)).toBe(false);
  });
});
