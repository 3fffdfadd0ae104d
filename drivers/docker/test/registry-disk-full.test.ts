import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, statfs, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Secret } from '@opensandbox/base';
import { sampleRecord } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest, temporaryDirectory } from './docker-harness.ts';
import { CAN_OWN_ENGINE, openOwnEngine } from './own-engine.ts';
import type { OwnEngine } from './own-engine.ts';
import { pushBallast } from './registry-image.ts';
import { HAS_REGISTRY, PASSWORD, startRegistry, USER } from './registry.ts';
import type { Registry } from './registry.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
const DISK_MB = 256;
const NOT_ENOUGH_BYTES = 2_000_000;
const IS_READY = HAS_ENGINE && HAS_REGISTRY && CAN_OWN_ENGINE && existsSync('/usr/sbin/ip');

describe.skipIf(!IS_READY)('an engine whose disk is full', { timeout: 180_000 }, () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  const namespace = `opensandbox-${randomBytes(4).toString('hex')}`;
  let engine: OwnEngine;
  let registry: Registry;
  const closing: (() => PromiseLike<unknown>)[] = [];

  beforeAll(async () => {
    directory = await temporaryDirectory();
    closing.push(() => directory[Symbol.asyncDispose]());
    await run('ip', ['netns', 'add', namespace]);
    closing.push(() => run('ip', ['netns', 'del', namespace]));
    await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    const through = ['nsenter', `--net=/run/netns/${namespace}`, '--'];
    const data = join(directory.path, 'data');
    await mkdir(data);
    await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', data]);
    closing.push(() => run('umount', [data]).catch(() => undefined)); // the engine's end may have taken it along
    engine = await openOwnEngine(directory.path, { through });
    closing.push(() => engine[Symbol.asyncDispose]());
    registry = await startRegistry(directory.path, { through });
    closing.push(() => registry[Symbol.asyncDispose]());
  }, 120_000);

  afterAll(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  it('fails the create and says so, keeps nothing of it, and pulls when there is room again', async () => {
    await using test = await openDockerTest({ socket: engine.socket });
    const uri = `${registry.host}/private/app:v1`;
    await pushBallast(test.docker, registry, uri);
    const auth = { username: USER, password: new Secret(PASSWORD) };
    const create = (): Promise<unknown> => {
      const record = sampleRecord({ spec: busyboxSpec({ source: { kind: 'image', uri, auth } }) });
      return test.driver
        .create(record, () => undefined, signal)
        .then(() => test.driver.destroy(record.id, signal));
    };
    // The agent's volume is filled before the disk is: what is to fail is the pull.
    await test.driver
      .create(sampleRecord({ spec: busyboxSpec() }), () => undefined, signal)
      .then(({ id }) => test.driver.destroy(id, signal));
    const filler = join(directory.path, 'data', 'filler');
    const { bavail, bsize } = await statfs(join(directory.path, 'data'));
    await run('fallocate', ['-l', String(bavail * bsize - NOT_ENOUGH_BYTES), filler]).catch(() =>
      writeFile(filler, Buffer.alloc(bavail * bsize - NOT_ENOUGH_BYTES)),
    );
    await expect(create()).rejects.toMatchObject({
      code: 'image.pull_failed',
      message: expect.stringMatching(/no space left on device.*Free some disk space/) as unknown,
    });
    expect(await test.leftovers()).toEqual([]);
    expect(await test.docker('images', '-q', uri)).toBe('');
    await unlink(filler);
    await create();
  });
});
