import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Fault, silentLogger, UndoStack } from '@opensandbox/base';
import { newSandboxId, sampleRecord } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewContainer } from '../../src/engine/engine.ts';
import type { Preparation } from '../../src/volumes/backend.ts';
import type { Place } from '../../src/volumes/host-walk.ts';
import { walkTo } from '../../src/volumes/host-walk.ts';
import { checkMounted } from '../../src/volumes/pin-check.ts';
import { bindMount } from '../../src/volumes/pin-mount.ts';
import type { Pins } from '../../src/volumes/pins.ts';
import { createPins } from '../../src/volumes/pins.ts';
import { CAN_OWN_ENGINE, openOwnEngine } from '../own-engine.ts';
import { busyboxSpec, HAS_ENGINE, temporaryDirectory } from '../docker-harness.ts';
import { faultOf, hostVolume, openVolumeTest, signal } from './volume-harness.ts';

const run = promisify(execFile);
const IS_ROOT = process.getuid?.() === 0;

/** An engine that refuses every mount of what it does not see, as engines do. */
function engineThatSees(sees: (path: string) => boolean) {
  return {
    hasFile: () => Promise.resolve(),
    removeContainer: () => Promise.resolve(),
    createContainer({ draft }: NewContainer): Promise<string> {
      const sources = (draft.HostConfig.Mounts ?? []).map((mount) => (mount as { Source: string }).Source);
      const missing = sources.find((source) => !sees(source)) ?? '';
      return Promise.reject(
        new Fault('invalid', 'engine.failed', `bind source path does not exist: ${missing}`),
      );
    },
  };
}

describe.skipIf(!IS_ROOT)('pins', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let data: string;
  let root: string;
  const life = new AbortController();

  beforeEach(async () => {
    directory = await temporaryDirectory();
    data = join(directory.path, 'data');
    root = join(directory.path, 'own/pins');
    await mkdir(data);
  });

  afterEach(async () => {
    await directory[Symbol.asyncDispose]();
  });

  function open(sees: (path: string) => boolean): Pins {
    return createPins({ engine: engineThatSees(sees), root, log: silentLogger, life: life.signal });
  }

  async function placeAt(path: string): Promise<Place> {
    const failed = (): Error => new Error('not walked');
    const fence = { roots: [{ path: data, real: data }], outside: failed, failed };
    const place = await walkTo({ fence, make: true, signal }, path);
    if (place === undefined) throw failed();
    return place;
  }

  function prepare(sandboxId = newSandboxId()): Preparation & AsyncDisposable {
    const report = (_step: string, error: unknown): never => {
      throw error;
    };
    const [undo, transient] = [new UndoStack(report), new UndoStack(report)];
    const end = async (): Promise<void> => transient[Symbol.asyncDispose]();
    return { sandboxId, image: 'image', undo, transient, [Symbol.asyncDispose]: end };
  }

  it('lead to the place itself, also when its path was exchanged since', async () => {
    await using pins = open(existsSync);
    await using place = await placeAt(join(data, 'a'));
    await rename(join(data, 'a'), join(data, 'moved'));
    await mkdir(join(data, 'a'));
    const before = await place.handle.stat({ bigint: true });
    const preparation = prepare();
    const { source } = await pins.source(place, preparation, signal);
    expect(source.startsWith(`${root}/`)).toBe(true);
    expect((await stat(source, { bigint: true })).ino).toBe(before.ino);
    await preparation[Symbol.asyncDispose]();
    await expect(stat(source)).rejects.toThrow(/ENOENT/);
  });

  it('show what is mounted below, and do not unmount it there', async () => {
    await mkdir(join(data, 'a/inner'), { recursive: true });
    await run('mount', ['-t', 'tmpfs', 'tmpfs', join(data, 'a/inner')]);
    try {
      // As on most machines, where mounts share what happens to them.
      await run('mount', ['--bind', data, data]);
      await run('mount', ['--make-rshared', data]);
      await run('mount', ['--rbind', join(data, 'a'), join(data, 'a')]);
      await writeFile(join(data, 'a/inner/file'), 'inner');
      await using pins = open(existsSync);
      await using place = await placeAt(join(data, 'a'));
      const preparation = prepare();
      const { source } = await pins.source(place, preparation, signal);
      expect(await readdir(source)).toEqual(['inner']);
      await preparation[Symbol.asyncDispose]();
      expect(await readFile(join(data, 'a/inner/file'), 'utf8')).toBe('inner');
    } finally {
      await run('umount', ['-l', data]).catch(() => undefined);
      await run('umount', ['-l', join(data, 'a/inner')]).catch(() => undefined);
    }
  });

  it('are not used where somebody else may write', async () => {
    await mkdir(join(directory.path, 'own'));
    await chmod(join(directory.path, 'own'), 0o777);
    await using pins = open(existsSync);
    await using place = await placeAt(join(data, 'a'));
    const preparation = prepare();
    const { source, expected } = await pins.source(place, preparation, signal);
    expect(source).toBe(join(data, 'a'));
    expect(expected).toMatchObject({ ino: (await stat(source, { bigint: true })).ino });
    expect(await readdir(data)).toEqual(['a']);
  });

  it('are not used with an engine that does not see them; paths only when it sees those', async () => {
    await using seesPaths = open((path) => path.startsWith(data) && existsSync(path));
    await using blind = open(() => false);
    await using place = await placeAt(join(data, 'a'));
    expect((await seesPaths.source(place, prepare(), signal)).source).toBe(join(data, 'a'));
    const fault = await faultOf(blind.source(place, prepare(), signal));
    expect(fault.code).toBe('volume.host_path_failed');
    expect(fault.message).toContain('does not see the same directory');
    expect(await readdir(data)).toEqual(['a']);
  });

  it('of a server that was killed are cleared, those of a living one are not', async () => {
    const space =
      /\d+/.exec(await run('readlink', ['/proc/self/ns/pid']).then(({ stdout }) => stdout))?.[0] ?? '';
    const dead = join(root, `${space}-4194303-1-abcd`);
    await mkdir(join(dead, 'sandbox/1'), { recursive: true, mode: 0o700 });
    await writeFile(join(data, 'file'), 'data');
    const handle = await placeAt(data);
    await bindMount(handle.handle.fd, join(dead, 'sandbox/1'));
    await using living = open(existsSync);
    const preparation = prepare();
    const { source } = await living.source(handle, preparation, signal);
    await using fresh = open(existsSync);
    await fresh.clearLeftovers();
    await expect(stat(dead)).rejects.toThrow(/ENOENT/);
    expect(await readFile(join(data, 'file'), 'utf8')).toBe('data');
    expect(await readFile(join(source, 'file'), 'utf8')).toBe('data');
    await preparation[Symbol.asyncDispose]();
    await handle[Symbol.asyncDispose]();
  });

  it.skipIf(!HAS_ENGINE)('can be told from what a container has mounted in their stead', async () => {
    await using test = await openVolumeTest([data]);
    await mkdir(join(data, 'other'));
    const record = await test.create([hostVolume(join(data, 'a'))]);
    const pid = Number(await test.docker('inspect', '-f', '{{.State.Pid}}', `sandbox-${record.id}`));
    const identify = async (path: string) => stat(path, { bigint: true });
    await expect(checkMounted(pid, [await identify(join(data, 'a'))])).resolves.toBeUndefined();
    const fault = await faultOf(checkMounted(pid, [await identify(join(data, 'other'))]));
    expect(fault.code).toBe('volume.host_path_not_allowed');
    await test.destroy(record);
  });

  it.skipIf(!CAN_OWN_ENGINE)(
    'give way to checked paths with an engine in a mount namespace of its own',
    async () => {
      await using place = await temporaryDirectory();
      await using engine = await openOwnEngine(place.path, {
        through: ['unshare', '--net', '--mount', '--propagation', 'private', '--'],
        config: { bridge: 'none', iptables: false, 'ip-masq': false },
      });
      await using test = await openVolumeTest([data], {
        socket: engine.socket,
        section: { network_mode: 'host' },
      });
      const record = await test.create([hostVolume(join(data, 'a'))]);
      expect((await test.inspect(record)).HostConfig.Binds).toContain(`${data}/a:/mnt/data:rw`);
      await test.destroy(record);
      const hidden = join(directory.path, 'hidden');
      await mkdir(hidden);
      await run('mount', ['-t', 'tmpfs', 'tmpfs', hidden]);
      try {
        await using blind = await openVolumeTest([hidden], {
          socket: engine.socket,
          section: { network_mode: 'host' },
        });
        const spec = busyboxSpec({ volumes: [hostVolume(join(hidden, 'x'))] });
        const fault = await faultOf(blind.driver.create(sampleRecord({ spec }), () => undefined, signal));
        expect(fault.message).toContain('does not see the same directory');
      } finally {
        await run('umount', ['-l', hidden]);
      }
    },
  );
});
