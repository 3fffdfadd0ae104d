import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SandboxSpec } from '@opensandbox/core/ports';
import { sampleRecord } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  busyboxSpec,
  dockerCli,
  HAS_ENGINE,
  IMAGE,
  openDockerTest,
  SHIPPED_VERSION,
  SOCKET,
  temporaryDirectory,
} from './docker-harness.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);
const ROOTFS = fileURLToPath(new URL('../../../apps/execd/dist/rootfs', import.meta.url));
const BRINGS_SHELL = existsSync(`${ROOTFS}/lib/sh`);

describe.skipIf(!HAS_ENGINE)('an image without a shell', () => {
  const docker = dockerCli(SOCKET);
  const image = `opensandbox-test/no-shell-${randomUUID()}`;
  const spec = (): SandboxSpec =>
    busyboxSpec({
      source: { kind: 'image', uri: image, auth: undefined },
      entrypoint: ['/busybox', 'sleep', '3600'],
    });

  beforeAll(async () => {
    await using directory = await temporaryDirectory();
    const container = await docker('create', IMAGE, 'never-started');
    await docker('cp', '--follow-link', `${container}:/bin/busybox`, join(directory.path, 'busybox'));
    await docker('rm', container);
    const tar = join(directory.path, 'image.tar');
    execFileSync('tar', ['-C', directory.path, '-c', '-f', tar, 'busybox']);
    await docker('import', tar, image);
  });

  afterAll(async () => {
    await docker('rmi', image);
  });

  it('fails the create with the cause when the agent brings no shell', async () => {
    await using test = await openDockerTest();
    const creating = test.driver.create(sampleRecord({ spec: spec() }), () => undefined, signal);
    await expect(creating).rejects.toMatchObject({
      code: 'sandbox.start_failed',
      message: expect.stringContaining(`The image ${image} has no /bin/sh`) as unknown,
    });
    expect(await test.leftovers()).toEqual([]);
  });

  it.skipIf(!BRINGS_SHELL)('runs with the shell of the shipped agent, many at once', async () => {
    const execd = { image: 'builtin', rootfsDir: ROOTFS, version: SHIPPED_VERSION };
    await using test = await openDockerTest({ deps: { execd } });
    const records = Array.from({ length: 4 }, () => sampleRecord({ spec: spec() }));
    const seen = await Promise.all(
      records.map((record) => test.driver.create(record, () => undefined, signal)),
    );
    for (const { phase, reach } of seen) {
      expect(phase).toBe('running');
      const url = `http://127.0.0.1:${reach.kind === 'mapped' ? reach.ports[44772] : ''}/ping`;
      // A connection that the engine's port forwarder accepted too early may lead nowhere: it is given up.
      const answers = (): Promise<boolean> =>
        fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
          (response) => response.ok,
          () => false,
        );
      await expect.poll(answers, { timeout: 30_000, interval: 20 }).toBe(true);
    }
    expect(await test.leftovers()).toHaveLength(records.length);
    await Promise.all(records.map((record) => test.driver.destroy(record.id, signal)));
    expect(await test.leftovers()).toEqual([]);
  });
});
