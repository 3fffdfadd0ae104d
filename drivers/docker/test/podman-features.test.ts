import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SandboxRecord } from '@opensandbox/core/ports';
import { captureLog, sampleRecord, shows, watchEvents } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, IMAGE, openDockerTest, temporaryDirectory } from './docker-harness.ts';
import type { DockerTest, DockerTestOptions } from './docker-harness.ts';
import type { PodmanEngine } from './podman-engine.ts';
import { HAS_PODMAN, openPodmanEngine } from './podman-engine.ts';

const { signal } = new AbortController();
const ROOTFS = fileURLToPath(new URL('../../../apps/execd/dist/rootfs', import.meta.url));

describe.skipIf(!HAS_ENGINE || !HAS_PODMAN)('a Podman', { timeout: 120_000 }, () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let podman: PodmanEngine;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    podman = await openPodmanEngine(directory.path);
  }, 120_000);

  afterAll(async () => {
    await podman[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const open = (options: DockerTestOptions = {}): Promise<DockerTest> =>
    openDockerTest({ ...options, socket: podman.socket, section: { publish_address: podman.address } });

  async function start(
    test: DockerTest,
    change: Parameters<typeof busyboxSpec>[0] = {},
  ): Promise<SandboxRecord> {
    const record = sampleRecord({ spec: busyboxSpec(change) });
    await test.driver.create(record, () => undefined, signal);
    return record;
  }

  it.skipIf(!existsSync(`${ROOTFS}/execd`))('runs the agent that is shipped', async () => {
    const execd = { image: 'builtin', rootfsDir: ROOTFS, version: 'podman-test' };
    await using test = await open({ deps: { execd } });
    const record = sampleRecord({ spec: busyboxSpec() });
    const { reach } = await test.driver.create(record, () => undefined, signal);
    if (reach.kind !== 'mapped') throw new Error(`nothing to reach: ${reach.kind}`);
    const url = `http://${reach.host}:${reach.ports[44772] ?? 0}/ping`;
    const answers = (): Promise<boolean> =>
      fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
        ({ ok }) => ok,
        () => false,
      );
    await expect.poll(answers, { timeout: 20_000, interval: 50 }).toBe(true);
    await test.driver.destroy(record.id, signal);
    expect(await test.leftovers()).toEqual([]);
  });

  it.each([IMAGE, `localhost/${IMAGE}`, IMAGE.replace(':latest', '')])(
    'finds the local image by the name %s, and tells it as it was asked for',
    async (uri) => {
      await using test = await open();
      const record = await start(test, { source: { kind: 'image', uri, auth: undefined } });
      const seen = await test.driver.inspect(record.id, signal);
      expect(seen?.claim?.spec.source).toMatchObject({ kind: 'image', uri });
      await test.driver.destroy(record.id, signal);
    },
  );

  it('runs what is asked for its own platform', async () => {
    await using test = await open();
    const record = await start(test, { platform: { os: 'linux', arch: 'amd64' } });
    expect((await test.driver.inspect(record.id, signal))?.claim?.spec.platform).toEqual({
      os: 'linux',
      arch: 'amd64',
    });
    await test.driver.destroy(record.id, signal);
  });

  it('keeps limits, the environment and the command', async () => {
    await using test = await open();
    const record = await start(test, {
      resources: { cpuMillis: 500, memoryBytes: 64 << 20, gpus: undefined },
      env: [
        ['A', 'x'],
        ['B', ''],
      ],
    });
    const claim = (await test.driver.inspect(record.id, signal))?.claim;
    expect(claim?.spec).toMatchObject({
      entrypoint: record.spec.entrypoint,
      resources: { cpuMillis: 500, memoryBytes: 64 << 20 },
    });
    const name = `sandbox-${record.id}`;
    const told = await test.docker('inspect', '-f', '{{json .Config.Env}} {{json .HostConfig}}', name);
    expect(told).toContain('"A=x"');
    expect(told).toContain('"B="');
    expect(told).toMatch(/"PidsLimit":4096/);
    await test.driver.destroy(record.id, signal);
  });

  it('captures a sandbox, and runs another from what was captured', async () => {
    const log = captureLog();
    await using test = await open({ log });
    const { snapshots } = test.driver;
    if (snapshots === undefined) throw new Error('the driver has no snapshots');
    const source = await start(test, { env: [['SECRET', 'hunter2']] });
    await test.docker('exec', `sandbox-${source.id}`, 'sh', '-c', 'echo kept > /kept');
    const snapshotId = `podman-${source.id}`;
    const captured = await snapshots.capture({ snapshotId, sandboxId: source.id }, () => undefined, signal);
    expect((await test.driver.inspect(source.id, signal))?.phase).toBe('running');
    expect(log.count('snapshot.not_sealed')).toBe(1); // it takes no image without its layers
    await test.driver.destroy(source.id, signal);
    const restored = await start(test, {
      source: { kind: 'snapshot', snapshotId, image: captured.image },
    });
    expect(await test.docker('exec', `sandbox-${restored.id}`, 'cat', '/kept')).toBe('kept');
    expect(await test.docker('exec', `sandbox-${restored.id}`, 'env')).not.toContain('hunter2');
    await expect(snapshots.remove(snapshotId, signal)).rejects.toMatchObject({ kind: 'conflict' });
    await test.driver.destroy(restored.id, signal);
    await snapshots.remove(snapshotId, signal);
    expect(await test.docker('images', '-q', '--filter', 'reference=*opensandbox-snapshots*')).toBe('');
  });

  it('fails a pull in the words of the registry', async () => {
    await using test = await open();
    const spec = busyboxSpec({ source: { kind: 'image', uri: '127.0.0.1:1/none:none', auth: undefined } });
    const creating = test.driver.create(sampleRecord({ spec }), () => undefined, signal);
    await expect(creating).rejects.toMatchObject({ code: 'image.pull_failed' });
    expect(await test.leftovers()).toEqual([]);
  });

  it('is found again when its service was away, with what went on meanwhile', async () => {
    await using test = await open();
    const stays = await start(test);
    const lost = (async () => {
      for await (const event of test.driver.observe(signal)) {
        if (event.type === 'snapshot') await podman.stop();
      }
    })();
    await expect(lost).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(test.driver.inspect(stays.id, signal)).rejects.toMatchObject({ kind: 'unavailable' });
    await podman.start();
    const news = watchEvents(test.driver, 10_000);
    await news.until(
      'the sandbox, which went on',
      shows(stays.id, ({ phase }) => phase === 'running'),
    );
    await test.docker('kill', `sandbox-${stays.id}`);
    await news.until(
      'its end',
      shows(stays.id, ({ phase }) => phase === 'exited'),
    );
    await news.stop();
    await test.driver.destroy(stays.id, signal);
    expect(await test.leftovers()).toEqual([]);
  });
});
