import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sampleRecord } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest, temporaryDirectory } from './docker-harness.ts';
import { CAN_OWN_ENGINE, openOwnEngine } from './own-engine.ts';
import type { OwnEngineOptions } from './own-engine.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
const MIB = 1 << 20;

/** A spec as the server makes it of `resourceLimits: { disk }`. */
function specWith(storageBytes: number) {
  const resources = { cpuMillis: undefined, memoryBytes: undefined, gpus: undefined, storageBytes };
  return busyboxSpec({ resources, resourceLimits: { disk: String(storageBytes) } });
}

const fileSystems = await readFile('/proc/filesystems', 'utf8').catch(() => '');
const canMake = (kind: string): boolean =>
  CAN_OWN_ENGINE && existsSync(`/usr/sbin/mkfs.${kind}`) && fileSystems.split(/\s+/).includes(kind);

/** An engine whose data lies on a small file system of its own; it is unmounted with what else the engine leaves. */
async function engineOn(directory: string, kind: string, options: OwnEngineOptions) {
  const image = join(directory, 'disk.img');
  const dataRoot = join(directory, 'data-root');
  const file = await open(image, 'w');
  await file.truncate(600 * MIB);
  await file.close();
  await mkdir(dataRoot);
  await run(`/usr/sbin/mkfs.${kind}`, ['-q', image]);
  await run('mount', ['-o', 'loop', image, dataRoot]);
  return openOwnEngine(directory, { ...options, dataRoot });
}

describe.skipIf(!HAS_ENGINE || !canMake('btrfs'))(
  'storage on an engine with quotas (skipped without btrfs)',
  () => {
    it('is bounded for the sandbox that asked for it, and for it alone', { timeout: 120_000 }, async () => {
      await using directory = await temporaryDirectory();
      await using engine = await engineOn(directory.path, 'btrfs', { storageDriver: 'btrfs' });
      await using test = await openDockerTest({ socket: engine.socket, section: { network_mode: 'host' } });
      const spec = await test.driver.admit(specWith(16 * MIB), signal);
      const bounded = sampleRecord({ spec });
      const free = sampleRecord({ spec: await test.driver.admit(busyboxSpec(), signal) });
      for (const record of [bounded, free]) {
        await test.driver.create(record, () => undefined, signal);
      }
      const write = (id: string, count: number): Promise<string> => {
        const fill = `for i in $(echo ${'1 '.repeat(count)}); do cat /bin/busybox >> /big || exit 1; done`;
        return test.docker('exec', `sandbox-${id}`, 'sh', '-c', fill);
      };
      await write(bounded.id, 2);
      await expect(write(bounded.id, 12)).rejects.toThrow('Disk quota exceeded');
      await write(free.id, 14);
      const claim = (await test.driver.inspect(bounded.id, signal))?.claim;
      expect(claim?.spec.resources.storageBytes).toBe(16 * MIB);
      for (const { id } of [bounded, free]) await test.driver.destroy(id, signal);
      expect(await test.leftovers()).toEqual([]);
    });
  },
);

describe.skipIf(!HAS_ENGINE)('storage on an engine without quotas', () => {
  it('is refused before anything is promised, with the reason', async () => {
    await using test = await openDockerTest();
    const files = await test.docker('info', '--format', '{{.Driver}} {{range .DriverStatus}}{{.}}{{end}}');
    expect(files).toMatch(/^overlay2 .*Backing Filesystem extfs/); // what this test is about
    await expect(test.driver.admit(specWith(MIB), signal)).rejects.toMatchObject({
      kind: 'invalid',
      code: 'parameter.invalid',
      message: expect.stringMatching(
        /^resourceLimits\.disk cannot be enforced by this Docker Engine: its storage driver overlay2 has no quotas on the file system extfs\./,
      ) as unknown,
    });
  });

  it.skipIf(!canMake('xfs'))(
    'is refused when it is made, where only the engine knows (skipped without xfs)',
    { timeout: 120_000 },
    async () => {
      await using directory = await temporaryDirectory();
      await using engine = await engineOn(directory.path, 'xfs', { storageDriver: 'overlay2' });
      await using test = await openDockerTest({ socket: engine.socket, section: { network_mode: 'host' } });
      const spec = await test.driver.admit(specWith(MIB), signal);
      const failing = test.driver.create(sampleRecord({ spec }), () => undefined, signal);
      await expect(failing).rejects.toMatchObject({
        code: 'sandbox.start_failed',
        message: expect.stringMatching(/^Failed to create or start container: .*pquota/) as unknown,
      });
      expect(await test.leftovers()).toEqual([]);
    },
  );
});
