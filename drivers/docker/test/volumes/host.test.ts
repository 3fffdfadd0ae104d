import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HAS_ENGINE, temporaryDirectory } from '../docker-harness.ts';
import type { VolumeTest } from './volume-harness.ts';
import { faultOf, hostVolume, openVolumeTest, PIN_ROOT, pinFiles, pinMounts } from './volume-harness.ts';

describe.skipIf(!HAS_ENGINE)('host paths', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let data: string;
  let test: VolumeTest;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    data = join(directory.path, 'data');
    await mkdir(join(data, 'there'), { recursive: true });
    await mkdir(join(directory.path, 'secret'));
    await writeFile(join(directory.path, 'secret/canary'), 'canary');
    await symlink(data, join(directory.path, 'alias'));
    test = await openVolumeTest([data, join(directory.path, 'alias'), join(directory.path, 'new/prefix')]);
  });

  afterAll(async () => {
    await test[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  it('are mounted writable, and what is written is on the host', async () => {
    const record = await test.create([hostVolume(join(data, 'there'))]);
    await test.run(record, 'echo hello > /mnt/data/file');
    expect(await readFile(join(data, 'there/file'), 'utf8')).toBe('hello\n');
    const { HostConfig: host, Config: config } = await test.inspect(record);
    const bind = host.Binds.find((text) => text.endsWith(':/mnt/data:rw'));
    expect(bind).toMatch(new RegExp(`^${PIN_ROOT}/`));
    expect(config.Labels['opensandbox.io/host-paths']).toBe(`["${data}/there:/mnt/data"]`);
    await test.destroy(record);
    expect(await readFile(join(data, 'there/file'), 'utf8')).toBe('hello\n');
  });

  it('leave no pin behind, whether the create works or fails', async () => {
    const record = await test.create([hostVolume(data)]);
    expect(await pinMounts()).toEqual([]);
    expect(await pinFiles()).toEqual([]);
    await test.destroy(record);
    await writeFile(join(data, 'not-a-directory'), '');
    const failing = test.create([hostVolume(join(data, 'not-a-directory'), { mountPath: '/etc' })]);
    expect((await faultOf(failing)).code).toBe('sandbox.start_failed');
    expect(await pinMounts()).toEqual([]);
    expect(await pinFiles()).toEqual([]);
  });

  it('refuse writing when they are read-only', async () => {
    const record = await test.create([hostVolume(join(data, 'there'), { readOnly: true })]);
    await expect(test.run(record, 'echo no > /mnt/data/no')).rejects.toThrow(/Read-only file system/);
    expect((await test.inspect(record)).HostConfig.Binds.some((bind) => bind.endsWith(':/mnt/data:ro'))).toBe(
      true,
    );
    await test.destroy(record);
  });

  it('are made when they are missing, with their subPath and their prefix', async () => {
    const first = await test.create([hostVolume(join(data, 'a/..b'), { subPath: 'c//./d/' })]);
    await test.run(first, 'echo 1 > /mnt/data/one');
    expect(await readFile(join(data, 'a/..b/c/d/one'), 'utf8')).toBe('1\n');
    await test.destroy(first);
    const second = await test.create([hostVolume(join(directory.path, 'new/prefix/x'))]);
    await test.run(second, 'touch /mnt/data/two');
    expect((await stat(join(directory.path, 'new/prefix/x/two'))).isFile()).toBe(true);
    await test.destroy(second);
  });

  it('may be a regular file', async () => {
    await writeFile(join(data, 'disk.iso'), 'image');
    const record = await test.create([
      hostVolume(join(data, 'disk.iso'), { mountPath: '/boot.iso', readOnly: true }),
    ]);
    expect(await test.run(record, 'cat /boot.iso')).toBe('image');
    expect(await pinMounts()).toEqual([]);
    await test.destroy(record);
  });

  it('may be several, next to each other', async () => {
    const volumes = [1, 2, 3].map((n) =>
      hostVolume(join(data, `n${n}`), { name: `n${n}`, mountPath: `/mnt/${n}` }),
    );
    const record = await test.create(volumes);
    await test.run(record, 'for n in 1 2 3; do echo $n > /mnt/$n/f; done');
    expect(await readFile(join(data, 'n3/f'), 'utf8')).toBe('3\n');
    const label = (await test.inspect(record)).Config.Labels['opensandbox.io/host-paths'] ?? '';
    expect(JSON.parse(label)).toEqual([1, 2, 3].map((n) => `${data}/n${n}:/mnt/${n}`));
    await test.destroy(record);
  });

  it.each([
    ['absolute', () => join(data, 'there')],
    ['relative', () => 'there'],
    ['upward', () => '../data/there'],
    ['through another allowed name', () => join(directory.path, 'alias/there')],
  ])('follow an %s symbolic link that stays inside', async (name, target) => {
    const link = `link-${name.replaceAll(' ', '-')}`;
    await symlink(target(), join(data, link));
    const record = await test.create([hostVolume(join(data, link), { subPath: 'deep' })]);
    await test.run(record, `touch /mnt/data/${link}`);
    expect((await stat(join(data, 'there/deep', link))).isFile()).toBe(true);
    await test.destroy(record);
  });

  it('may be named by a prefix that is a symbolic link itself', async () => {
    const record = await test.create([hostVolume(join(directory.path, 'alias/there'))]);
    await test.run(record, 'touch /mnt/data/by-alias');
    expect((await stat(join(data, 'there/by-alias'))).isFile()).toBe(true);
    await test.destroy(record);
  });

  it.each([
    ['to a directory', 'secret', ''],
    ['to a file', 'secret/canary', ''],
    ['in the middle', 'secret', 'deep'],
  ])('refuse a symbolic link that leads out, %s, naming where to', async (name, target, subPath) => {
    const link = join(data, `out-${name.replaceAll(' ', '-')}`);
    await symlink(join(directory.path, target), link);
    const fault = await faultOf(
      test.admit([hostVolume(link, { subPath: subPath === '' ? undefined : subPath })]),
    );
    expect(fault.code).toBe('volume.host_path_not_allowed');
    expect(fault.message).toContain(`'${join(directory.path, target, subPath)}'`);
    expect(fault.message).toContain(`Allowed prefixes: ['${data}'`);
  });

  it('refuse symbolic links without an end', async () => {
    await symlink('loop-b', join(data, 'loop-a'));
    await symlink('loop-a', join(data, 'loop-b'));
    const fault = await faultOf(test.admit([hostVolume(join(data, 'loop-a'))]));
    expect(fault.code).toBe('volume.host_path_failed');
    expect(fault.message).toContain('too many symbolic links');
  });

  it.each([
    ['a prefix that is only a beginning', () => `${data}-evil`, 'volume.host_path_not_allowed'],
    ['another place', () => '/etc', 'volume.host_path_not_allowed'],
    ['the way up', () => `${data}/../secret`, 'volume.host_path'],
    ['a drive', () => 'C:\\data', 'volume.host_path'],
    ['a control character', () => `${data}/a\u0000b`, 'volume.host_path'],
  ])('refuse %s', async (_name, path, code) => {
    expect((await faultOf(test.admit([hostVolume(path())]))).code).toBe(code);
  });

  it('refuse what is neither a directory nor a file, and a file on the way', async () => {
    await writeFile(join(data, 'plain'), '');
    expect((await faultOf(test.admit([hostVolume(join(data, 'plain'), { subPath: 'x' })]))).code).toBe(
      'volume.host_path_failed',
    );
    await expect(test.admit([hostVolume(join(data, 'plain'))])).resolves.toBeDefined();
  });

  it('keep a colon in a name away from the engine', async () => {
    const record = await test.create([hostVolume(join(data, 'with:colon'))]);
    await test.run(record, 'touch /mnt/data/ok');
    expect((await stat(join(data, 'with:colon/ok'))).isFile()).toBe(true);
    await test.destroy(record);
  });

  it('are all refused when no prefix is allowed', async () => {
    await using closed = await openVolumeTest([]);
    const fault = await faultOf(closed.admit([hostVolume(data)]));
    expect(fault.code).toBe('volume.host_path_not_allowed');
    expect(fault.message).toContain('Allowed prefixes: []');
  });

  it('are allowed everywhere by the prefix /', async () => {
    await using open = await openVolumeTest(['/']);
    await chmod(join(directory.path, 'secret'), 0o755);
    const record = await open.create([hostVolume(join(directory.path, 'secret'))]);
    expect(await open.run(record, 'cat /mnt/data/canary')).toBe('canary');
    await open.destroy(record);
  });
});
