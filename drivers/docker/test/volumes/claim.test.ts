import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newSandboxId, sampleRecord } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest } from '../docker-harness.ts';
import type { VolumeTest } from './volume-harness.ts';
import {
  claimVolume,
  faultOf,
  openVolumeTest,
  pinFiles,
  pinMounts,
  signal,
  volumeExists,
} from './volume-harness.ts';

interface VolumeInspect {
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Mountpoint: string;
}

describe.skipIf(!HAS_ENGINE)('named volumes', () => {
  let test: VolumeTest;

  beforeAll(async () => {
    test = await openVolumeTest();
  });

  afterAll(async () => {
    await test[Symbol.asyncDispose]();
  });

  async function inspect(name: string): Promise<VolumeInspect> {
    const [found] = JSON.parse(await test.docker('volume', 'inspect', name)) as [VolumeInspect];
    return found;
  }

  it('are made when they are missing, carry what a sandbox wrote to the next, and stay', async () => {
    const name = test.claimName();
    const writer = await test.create([claimVolume(name)]);
    await test.run(writer, 'echo kept > /mnt/claim/file');
    expect((await inspect(name)).Labels).toMatchObject({ 'opensandbox.io/volume-managed-by': 'server' });
    expect((await test.inspect(writer)).HostConfig.Binds).toContain(`${name}:/mnt/claim:rw`);
    await test.destroy(writer);
    const reader = await test.create([claimVolume(name, { readOnly: true, createIfMissing: false })]);
    expect(await test.run(reader, 'cat /mnt/claim/file')).toBe('kept\n');
    await expect(test.run(reader, 'touch /mnt/claim/no')).rejects.toThrow(/Read-only file system/);
    expect((await test.inspect(reader)).HostConfig.Binds).toContain(`${name}:/mnt/claim:ro`);
    await test.destroy(reader);
    expect(await volumeExists(test, name)).toBe(true);
  });

  it('are refused when they are missing and not to be made', async () => {
    const name = test.claimName();
    const fault = await faultOf(test.admit([claimVolume(name, { createIfMissing: false })]));
    expect(fault.code).toBe('volume.not_found');
    expect(fault.message).toContain(name);
    expect(await volumeExists(test, name)).toBe(false);
  });

  it('are not made by being admitted', async () => {
    const name = test.claimName();
    await test.admit([claimVolume(name)]);
    expect(await volumeExists(test, name)).toBe(false);
  });

  it('go with the sandbox that made them, if its request said so', async () => {
    const name = test.claimName();
    const record = await test.create([claimVolume(name, { deleteWithSandbox: true })]);
    const label = (await test.inspect(record)).Config.Labels['opensandbox.io/volume-managed-by'];
    expect(JSON.parse(label ?? '')).toEqual([name]);
    await test.destroy(record);
    expect(await volumeExists(test, name)).toBe(false);
  });

  it('stay when another request had made them', async () => {
    const name = test.claimName();
    await test.docker('volume', 'create', name);
    const record = await test.create([claimVolume(name, { deleteWithSandbox: true })]);
    expect((await test.inspect(record)).Config.Labels['opensandbox.io/volume-managed-by']).toBe('');
    await test.destroy(record);
    expect(await volumeExists(test, name)).toBe(true);
  });

  it('are kept while another sandbox uses them, and go with the last', async () => {
    const name = test.claimName();
    const owner = await test.create([claimVolume(name, { deleteWithSandbox: true })]);
    const guest = await test.create([claimVolume(name)]);
    await test.run(owner, 'echo shared > /mnt/claim/file');
    await test.destroy(owner);
    expect(await test.run(guest, 'cat /mnt/claim/file')).toBe('shared\n');
    expect(await volumeExists(test, name)).toBe(true);
    await test.destroy(guest);
    expect(await volumeExists(test, name)).toBe(false);
  });

  it('have one maker when many ask for the same new one at once', async () => {
    const name = test.claimName();
    const records = await Promise.all(
      Array.from({ length: 6 }, () => test.create([claimVolume(name, { deleteWithSandbox: true })])),
    );
    const labels = await Promise.all(records.map((record) => test.inspect(record)));
    const owners = labels.filter(
      ({ Config: { Labels: all } }) => all['opensandbox.io/volume-managed-by'] !== '',
    );
    expect(owners).toHaveLength(1);
    await Promise.all(records.map((record) => test.destroy(record)));
    expect(await volumeExists(test, name)).toBe(false);
  });

  it('are gone again when the create fails that made them, flagged or not, and only then', async () => {
    const [made, flagged, before] = [test.claimName(), test.claimName(), test.claimName()];
    await test.docker('volume', 'create', before);
    const volumes = [
      claimVolume(made, { name: 'a', mountPath: '/a' }),
      claimVolume(flagged, { name: 'b', mountPath: '/b', deleteWithSandbox: true }),
      claimVolume(before, { name: 'c', mountPath: '/etc/passwd' }),
    ];
    const fault = await faultOf(test.create(volumes));
    expect(fault.code).toBe('sandbox.start_failed');
    expect(await volumeExists(test, made)).toBe(false);
    expect(await volumeExists(test, flagged)).toBe(false);
    expect(await volumeExists(test, before)).toBe(true);
  });

  it('are not made at all when the image cannot be pulled', async () => {
    const name = test.claimName();
    const source = { kind: 'image', uri: '127.0.0.1:1/none:none', auth: undefined } as const;
    const fault = await faultOf(test.create([claimVolume(name, { deleteWithSandbox: true })], { source }));
    expect(fault.code).toBe('image.pull_failed');
    expect(await volumeExists(test, name)).toBe(false);
  });

  it('of a sandbox of another server go when its label and theirs agree', async () => {
    const [agreed, foreign] = [test.claimName(), test.claimName()];
    await test.docker('volume', 'create', '--label', 'opensandbox.io/volume-managed-by=server', agreed);
    await test.docker('volume', 'create', foreign);
    const id = newSandboxId();
    const labels = [
      `opensandbox.io/id=${id}`,
      `opensandbox.io/instance=${test.instance}`,
      `opensandbox.io/volume-managed-by=${JSON.stringify([agreed, foreign])}`,
    ].flatMap((label) => ['--label', label]);
    const mounts = ['-v', `${agreed}:/a`, '-v', `${foreign}:/b`];
    await test.docker(
      'create',
      '--name',
      `sandbox-${id}`,
      ...labels,
      ...mounts,
      'opensandbox-test/busybox',
      'true',
    );
    await test.driver.destroy(id, signal);
    expect(await volumeExists(test, agreed)).toBe(false);
    expect(await volumeExists(test, foreign)).toBe(true);
  });

  it('that belong to the server itself are refused', async () => {
    for (const name of ['opensandbox-agent-x', 'opensandbox-runtime-x', 'opensandbox-win-oem-x']) {
      expect((await faultOf(test.admit([claimVolume(name)]))).code).toBe('parameter.invalid');
    }
    const name = test.claimName();
    await test.docker('volume', 'create', '--label', 'opensandbox.io/auxiliary=agent', name);
    expect((await faultOf(test.admit([claimVolume(name)]))).code).toBe('parameter.invalid');
  });

  it('left by a server that was killed between volume and container are taken over or removed', async () => {
    const name = test.claimName();
    const id = newSandboxId();
    const labels = [
      'opensandbox.io/volume-managed-by=server',
      `opensandbox.io/made-for=${id}`,
      `opensandbox.io/owned-by=${id}`,
      `opensandbox.io/instance=${test.instance}`,
    ].flatMap((label) => ['--label', label]);
    await test.docker('volume', 'create', ...labels, name);
    const spec = busyboxSpec({ volumes: [claimVolume(name, { deleteWithSandbox: true })] });
    const record = sampleRecord({ id, spec, createdAt: Date.now() });
    await test.driver.create(record, () => undefined, signal);
    await test.destroy(record);
    expect(await volumeExists(test, name)).toBe(false);
    await test.docker('volume', 'create', ...labels, name);
    await test.driver.destroy(id, signal);
    expect(await volumeExists(test, name)).toBe(false);
  });

  describe('with a subPath', () => {
    it('mount that part alone, made when it is missing', async () => {
      const name = test.claimName();
      const record = await test.create([claimVolume(name, { subPath: 'a/b' })]);
      await test.run(record, 'echo part > /mnt/claim/file');
      const { Mountpoint: mountpoint } = await inspect(name);
      expect(await readFile(join(mountpoint, 'a/b/file'), 'utf8')).toBe('part\n');
      expect(await pinMounts()).toEqual([]);
      expect(await pinFiles()).toEqual([]);
      await test.destroy(record);
    });

    it('keep the volume while any part of it is in use', async () => {
      const name = test.claimName();
      const owner = await test.create([claimVolume(name, { deleteWithSandbox: true })]);
      const guest = await test.create([claimVolume(name, { subPath: 'sub' })]);
      await test.run(guest, 'echo mine > /mnt/claim/file');
      await test.destroy(owner);
      expect(await test.run(guest, 'cat /mnt/claim/file')).toBe('mine\n');
      expect(await volumeExists(test, name)).toBe(true);
      await test.destroy(guest);
      expect(await volumeExists(test, name)).toBe(false);
    });

    it('refuse symbolic links that lead out of the volume, follow those that do not', async () => {
      const name = test.claimName();
      await test.docker('volume', 'create', name);
      const { Mountpoint: mountpoint } = await inspect(name);
      await mkdir(join(mountpoint, 'real'));
      await writeFile(join(mountpoint, 'real/file'), 'real');
      await symlink('real', join(mountpoint, 'inside'));
      await symlink('/etc', join(mountpoint, 'outside'));
      const record = await test.create([claimVolume(name, { subPath: 'inside' })]);
      expect(await test.run(record, 'cat /mnt/claim/file')).toBe('real');
      await test.destroy(record);
      expect((await faultOf(test.create([claimVolume(name, { subPath: 'outside' })]))).code).toBe(
        'volume.sub_path',
      );
      expect((await faultOf(test.admit([claimVolume(name, { subPath: '../x' })]))).code).toBe(
        'volume.sub_path',
      );
    });

    it('are refused for volumes that are mounted from elsewhere', async () => {
      const name = test.claimName();
      const options = ['type=tmpfs', 'device=tmpfs', 'o=size=1m'].flatMap((option) => ['-o', option]);
      await test.docker('volume', 'create', ...options, name);
      const fault = await faultOf(test.admit([claimVolume(name, { subPath: 'x' })]));
      expect(fault.code).toBe('volume.sub_path_unsupported');
      await expect(test.admit([claimVolume(name)])).resolves.toBeDefined();
    });
  });

  it('are not taken by a server of another name', async () => {
    const name = test.claimName();
    const record = await test.create([claimVolume(name, { deleteWithSandbox: true })]);
    await using other = await openDockerTest();
    await other.driver.destroy(newSandboxId(), signal);
    expect(await volumeExists(test, name)).toBe(true);
    await test.destroy(record);
  });
});
