import { mkdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newSandboxId } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { holdingContainer, never, openOssWorld, ossVolume, until } from './ossfs-world.ts';
import type { Life, OssWorld } from './ossfs-world.ts';
import { CAN_MOUNT } from './stand-in.ts';

describe.skipIf(!CAN_MOUNT)('OSS mounts', () => {
  let world: OssWorld;
  let server: Life;

  beforeEach(async () => {
    world = await openOssWorld();
    server = world.live();
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    const living = await world.standIn.living();
    await world[Symbol.asyncDispose]();
    expect(living).toBe(0);
  });

  async function expectNothingLeft(): Promise<void> {
    expect(await world.mounts()).toEqual([]);
    expect(await world.directories()).toEqual([]);
    expect(await world.privateFiles()).toEqual([]);
    expect(await world.journal()).toEqual([]);
  }

  it('mount version 2.0 with everything in a private file that is gone afterwards', async () => {
    const made = await server.prepare(newSandboxId(), {
      bucket: 'my-bucket',
      subPath: 'team//a/',
      options: ['allow_other', 'attr_timeout=60'],
    });
    const path = join(world.root, 'my-bucket/team/a');
    expect(made).toMatchObject({ path, label: JSON.stringify([path]) });
    const [call] = await world.standIn.calls();
    expect(call?.args).toEqual(['mount', path, '-c', call?.file]);
    expect(call).toMatchObject({ program: 'ossfs2', fileMode: '600' });
    expect(call?.fileText).toBe(
      [
        '--oss_endpoint=https://oss.example.com',
        '--oss_bucket=my-bucket',
        '--oss_access_key_id=LTAI0123',
        '--oss_access_key_secret=Secret0123456789',
        '--oss_bucket_prefix=team/a/',
        '--allow_other',
        '--attr_timeout=60',
        '',
      ].join('\n'),
    );
    expect(call?.environment).not.toContain('HOME');
    expect(await world.privateFiles()).toEqual([]);
    expect(await world.mounts()).toEqual([path]);
  });

  it('mount version 1.0 with a password file', async () => {
    const wish = {
      version: '1.0',
      endpoint: 'http://oss.example.com:8080',
      options: ['allow_other'],
    } as const;
    const made = await server.prepare(newSandboxId(), { ...wish, subPath: 'sub' });
    const [call] = await world.standIn.calls();
    expect(call).toMatchObject({
      program: 'ossfs',
      fileMode: '600',
      fileText: 'bucket-one:LTAI0123:Secret0123456789\n',
    });
    const options = ['url=http://oss.example.com:8080', `passwd_file=${call?.file ?? ''}`, 'allow_other'];
    const flags = options.flatMap((option) => ['-o', option]);
    expect(call?.args).toEqual(['bucket-one:/sub', made.path, ...flags]);
  });

  it('are shared by sandboxes, and end with the last', async () => {
    const [one, two] = [newSandboxId(), newSandboxId()];
    await Promise.all([server.prepare(one), server.prepare(two)]);
    expect(await world.standIn.calls()).toHaveLength(1);
    await server.backend.release?.(one, never);
    expect(await world.mounts()).toHaveLength(1);
    await server.backend.release?.(one, never); // a second time changes nothing
    expect(await world.mounts()).toHaveLength(1);
    await server.backend.release?.(two, never);
    await expectNothingLeft();
  });

  it('count a sandbox once, however often its creation is repeated', async () => {
    const id = newSandboxId();
    await server.prepare(id);
    await server.prepare(id);
    expect(await world.standIn.calls()).toHaveLength(1);
    await server.backend.release?.(id, never);
    await expectNothingLeft();
  });

  it.each([
    ['credentials', { secret: 'AnotherSecret' }],
    ['key id', { accessKeyId: 'Another' }],
    ['endpoint', { endpoint: 'other.example.com' }],
    ['version', { version: '1.0' }],
    ['options', { options: ['allow_other'] }],
  ] as const)('are refused to a sandbox with another %s', async (_what, wish) => {
    const id = newSandboxId();
    await server.prepare(id);
    const refusal = { kind: 'conflict', code: 'volume.ossfs_conflict' };
    await expect(server.backend.admit(ossVolume(wish), never)).rejects.toMatchObject(refusal);
    await expect(server.prepare(newSandboxId(), wish)).rejects.toMatchObject(refusal);
    expect(await world.standIn.calls()).toHaveLength(1);
    await server.backend.release?.(id, never);
    await expectNothingLeft();
    await server.prepare(newSandboxId(), wish);
    expect(await world.mounts()).toHaveLength(1);
  });

  it('of a bucket and of a part of it stay apart', async () => {
    const [one, two] = [newSandboxId(), newSandboxId()];
    await writeFile(join(await world.standIn.bucket('one/part'), 'file'), 'of the part');
    const part = await server.prepare(one, { bucket: 'one', subPath: 'part' });
    const whole = await server.prepare(two, { bucket: 'one', secret: 'AnotherSecret' });
    expect(part.path).toBe(join(world.root, 'one/part'));
    expect(whole.path.startsWith(join(world.root, '.opensandbox/apart/'))).toBe(true);
    expect(await readFile(join(part.path, 'file'), 'utf8')).toBe('of the part');
    expect(await readFile(join(whole.path, 'part/file'), 'utf8')).toBe('of the part');
    await server.backend.release?.(one, never);
    await server.backend.release?.(two, never);
    await expectNothingLeft();
  });

  it('remove the directories that were made for them, in whichever order they end', async () => {
    const ids = [newSandboxId(), newSandboxId(), newSandboxId()] as const;
    await mkdir(join(world.root, 'kept'), { recursive: true, mode: 0o755 });
    await server.prepare(ids[0], { bucket: 'one', subPath: 'a/b' });
    await server.prepare(ids[1], { bucket: 'one', subPath: 'a/c' });
    await server.prepare(ids[2], { bucket: 'kept', subPath: 'x' });
    await server.backend.release?.(ids[0], never);
    expect(await world.directories()).toEqual(['kept', 'kept/x', 'one', 'one/a', 'one/a/c']);
    await Promise.all([server.backend.release?.(ids[1], never), server.backend.release?.(ids[2], never)]);
    expect(await world.directories()).toEqual(['kept']);
  });

  it('that fail leave nothing, and tell what was printed without the credentials', async () => {
    await world.standIn.play('fail');
    const failure: unknown = await server.prepare(newSandboxId()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: 'internal', code: 'volume.ossfs_failed' });
    const message = String(failure);
    expect(message).toContain("bucket 'bucket-one' with ossfs2: it ended with exit code 3: no access for");
    expect(message).toContain('--oss_access_key_secret=***');
    expect(message).not.toMatch(/Secret0123456789|LTAI0123/);
    await expectNothingLeft();
    await world.standIn.play(undefined);
    await server.prepare(newSandboxId());
  });

  it.each(['hang', 'hang-then-mount', 'pretend', 'slow'] as const)(
    'that are given up leave nothing when the program would %s',
    async (trick) => {
      await world.standIn.play(trick);
      const leaver = new AbortController();
      const leaving = server.prepare(newSandboxId(), {}, leaver.signal);
      await until('the program runs', async () => (await world.standIn.calls()).length === 1);
      expect(await world.privateFiles()).not.toEqual([]);
      leaver.abort();
      await expect(leaving).rejects.toMatchObject({ kind: 'cancelled' });
      expect(await world.standIn.living()).toBe(0);
      await expectNothingLeft();
    },
  );

  it('that come a moment after their program has ended are waited for', async () => {
    await world.standIn.play('late');
    const made = await server.prepare(newSandboxId());
    expect(await world.mounts()).toEqual([made.path]);
  });

  it('do not wait for those of other buckets', async () => {
    await world.standIn.play('hang');
    const leaver = new AbortController();
    const stuck = server.prepare(newSandboxId(), { bucket: 'stuck' }, leaver.signal);
    await until('the program runs', async () => (await world.standIn.calls()).length === 1);
    await world.standIn.play(undefined);
    await server.prepare(newSandboxId(), { bucket: 'quick' });
    await server.prepare(newSandboxId(), { bucket: 'stuck', subPath: 'part' });
    leaver.abort();
    await expect(stuck).rejects.toMatchObject({ kind: 'cancelled' });
    expect(await world.mounts()).toHaveLength(2);
  });

  it('survive that one sandbox goes while another comes', async () => {
    for (let round = 0; round < 5; round += 1) {
      const [goes, comes] = [newSandboxId(), newSandboxId()];
      await server.prepare(goes);
      const [, made] = await Promise.all([server.backend.release?.(goes, never), server.prepare(comes)]);
      expect(await world.mounts()).toEqual([made.path]);
      await server.backend.release?.(comes, never);
      await expectNothingLeft();
    }
  });

  it('are given back when the creation fails later', async () => {
    const kept = newSandboxId();
    await server.prepare(kept, { bucket: 'one' });
    const shared = await server.prepare(newSandboxId(), { bucket: 'one' });
    const own = await server.prepare(newSandboxId(), { bucket: 'two' });
    await Promise.all([shared.undo(), own.undo()]);
    expect(await world.mounts()).toEqual([join(world.root, 'one')]);
    await server.backend.release?.(kept, never);
    await expectNothingLeft();
  });

  it('that somebody else made are neither used nor removed', async () => {
    const path = join(world.root, 'bucket-one');
    await mkdir(path, { recursive: true, mode: 0o755 });
    execFileSync('mount', ['-t', 'tmpfs', 'none', path]);
    const refusal = { kind: 'conflict', code: 'volume.ossfs_conflict' };
    await expect(server.prepare(newSandboxId())).rejects.toMatchObject(refusal);
    await server[Symbol.asyncDispose]();
    server = world.live();
    await expect(server.prepare(newSandboxId())).rejects.toMatchObject(refusal);
    expect(await world.mounts()).toEqual([path]);
  });

  it('that cannot be removed are kept in mind, and removed later', async () => {
    const id = newSandboxId();
    const { path } = await server.prepare(id);
    const busy = workIn(path);
    await until('somebody works in it', async () => busy.isThere());
    await server.backend.release?.(id, never);
    expect(server.log.count('ossfs.unmount_failed')).toBe(1);
    expect(await world.mounts()).toEqual([path]);
    expect(await world.journal()).toHaveLength(1);
    await busy.end();
    await server[Symbol.asyncDispose]();
    server = world.live();
    await until('the next server removes it', async () => (await world.mounts()).length === 0);
    await until('its directories too', async () => (await world.journal()).length === 0);
    await expectNothingLeft();
  });

  describe('after a restart', () => {
    async function restart(): Promise<void> {
      await server[Symbol.asyncDispose]();
      server = world.live();
    }

    it('are known by the labels of containers, and end with the last of these', async () => {
      const [one, two] = [newSandboxId(), newSandboxId()];
      const { path } = await server.prepare(one);
      await server.prepare(two);
      world.containers = [holdingContainer(one, [path]), holdingContainer(two, [path])];
      await restart();
      await server.backend.release?.(one, never);
      expect(await world.mounts()).toEqual([path]);
      await expect(server.prepare(newSandboxId(), { secret: 'Another' })).rejects.toMatchObject({
        kind: 'conflict',
      });
      const third = newSandboxId();
      await server.prepare(third);
      await server.backend.release?.(two, never);
      expect(await world.mounts()).toEqual([path]);
      await server.backend.release?.(third, never);
      await expectNothingLeft();
      expect(await world.standIn.calls()).toHaveLength(1);
    });

    it('are removed when no container holds them', async () => {
      await server.prepare(newSandboxId(), { subPath: 'a' });
      await server.prepare(newSandboxId(), { subPath: 'b' });
      await restart();
      await until('nothing is mounted', async () => (await world.journal()).length === 0);
      await expectNothingLeft();
    });

    it('of the machine leave no directory and no file behind', async () => {
      const { path } = await server.prepare(newSandboxId(), { subPath: 'a/b' });
      execFileSync('umount', [path]);
      await writeFile(join(world.root, '.opensandbox/files/left.conf'), 'credentials');
      await restart();
      await until('nothing is left', async () => (await world.journal()).length === 0);
      await expectNothingLeft();
    });

    it('of the machine are made anew for the next sandbox, with whatever credentials', async () => {
      const [old, young] = [newSandboxId(), newSandboxId()];
      const { path } = await server.prepare(old);
      execFileSync('umount', [path]);
      world.containers = [holdingContainer(old, [path])];
      await restart();
      await server.prepare(young, { secret: 'Another' });
      expect(await world.mounts()).toEqual([path]);
      await server.backend.release?.(young, never);
      expect(await world.mounts()).toEqual([path]);
      await server.backend.release?.(old, never);
      await expectNothingLeft();
    });

    it('stay when another server made them, until the last container that names them goes', async () => {
      const path = join(world.root, 'theirs/part');
      await mkdir(path, { recursive: true, mode: 0o755 });
      execFileSync('mount', ['-t', 'tmpfs', 'none', path]);
      const id = newSandboxId();
      world.containers = [holdingContainer(id, [path, '/proc', '/etc', `${world.root}/../x`])];
      await restart();
      const wish = { bucket: 'theirs', subPath: 'part' };
      await expect(server.prepare(newSandboxId(), wish)).rejects.toMatchObject({ kind: 'conflict' });
      await server.backend.release?.(id, never);
      expect(await world.mounts()).toEqual([]);
      expect(await world.directories()).toEqual(['theirs', 'theirs/part']);
    });

    it('leave two servers no common root', async () => {
      await server.prepare(newSandboxId());
      const other = world.live();
      await expect(other.prepare(newSandboxId(), { bucket: 'two' })).rejects.toMatchObject({
        code: 'volume.ossfs_root',
        message: expect.stringContaining('another server works there') as unknown,
      });
      expect(await world.mounts()).toHaveLength(1);
      await other[Symbol.asyncDispose]();
    });
  });
});

/** A process whose working directory is in a mount keeps it from being unmounted. */
function workIn(path: string) {
  const child = spawn('sleep', ['600'], { cwd: path, stdio: 'ignore' });
  return {
    isThere: () => readlink(`/proc/${child.pid ?? 0}/cwd`).then((cwd) => cwd === path),
    async end() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
