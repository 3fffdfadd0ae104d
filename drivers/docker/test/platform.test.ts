import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Platform } from '@opensandbox/core/ports';
import { sampleRecord } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, dockerCli, HAS_ENGINE, IMAGE, openDockerTest, SOCKET } from './docker-harness.ts';
import { temporaryDirectory } from './docker-harness.ts';
import type { DockerTest } from './docker-harness.ts';
import { HAS_REGISTRY, startRegistry } from './registry.ts';
import type { Registry } from './registry.ts';

const run = promisify(execFile);
const { signal } = new AbortController();
const docker = dockerCli(SOCKET);
const AMD64: Platform = { os: 'linux', arch: 'amd64' };
/** Makes images of this test differ from the one they are made of, so that removing them removes nothing else. */
const MARK = `platform test ${randomUUID()}`;
const ARM64: Platform = { os: 'linux', arch: 'arm64' };

/**
 * The images for the other platform hold this machine's programs all the same: which image is taken is what these
 * tests are about, and so it runs without an emulator.
 */
describe.skipIf(!HAS_ENGINE || !HAS_REGISTRY)('sandboxes for a platform', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let registry: Registry;
  const repositories: string[] = [];
  /** A tag that moves on leaves an image without a name behind. */
  const images = new Set<string>();

  beforeAll(async () => {
    directory = await temporaryDirectory();
    registry = await startRegistry(directory.path);
  });

  afterAll(async () => {
    await docker('rmi', '-f', ...repositories);
    // A pulled image has the id of the one that was pushed.
    for (const image of images) await docker('rmi', '-f', image).catch(() => undefined); // its last name took it along
    await registry[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const open = (): Promise<DockerTest> => {
    const env = { DOCKER_HOST: `unix://${SOCKET}`, DOCKER_CONFIG: registry.cliConfig };
    return openDockerTest({ deps: { env } });
  };

  /** A tag whose image in the registry is for one platform, and on the engine for another or absent. */
  async function imageFor(there: Platform, here: Platform | undefined): Promise<string> {
    const uri = `${registry.host}/platforms/${randomUUID()}:v1`;
    repositories.push(uri);
    await importFor(uri, there);
    await docker('--config', registry.cliConfig, 'push', uri);
    await docker('rmi', uri);
    if (here !== undefined) await importFor(uri, here);
    return uri;
  }

  /** The image of this machine's platform with another one in its description. */
  async function importFor(uri: string, { os, arch }: Platform): Promise<void> {
    const place = join(directory.path, randomUUID());
    await mkdir(place);
    await docker('save', '-o', `${place}.tar`, IMAGE);
    await run('tar', ['-C', place, '-xf', `${place}.tar`]);
    const [image] = JSON.parse(await readFile(join(place, 'manifest.json'), 'utf8')) as [object];
    const { Config: path } = image as { readonly Config: string };
    const config = JSON.parse(await readFile(join(place, path), 'utf8')) as object;
    await writeFile(join(place, path), JSON.stringify({ ...config, os, architecture: arch, author: MARK }));
    await writeFile(join(place, 'manifest.json'), JSON.stringify([{ ...image, RepoTags: [uri] }]));
    await run('tar', ['-C', place, '-cf', `${place}.tar`, '.']);
    await docker('load', '-i', `${place}.tar`);
    images.add(await docker('image', 'inspect', '--format', '{{.Id}}', uri));
  }

  async function create(test: DockerTest, uri: string, platform: Platform | undefined): Promise<string> {
    const source = { kind: 'image', uri, auth: undefined } as const;
    const spec = await test.driver.admit(busyboxSpec({ source, platform }), signal);
    const record = sampleRecord({ spec });
    const seen = await test.driver.create(record, () => undefined, signal);
    expect(seen.phase).toBe('running');
    expect(seen.claim?.spec.platform).toEqual(platform);
    const image = await docker('inspect', '--format', '{{.Image}}', `sandbox-${record.id}`);
    await test.driver.destroy(record.id, signal);
    expect(await test.leftovers()).toEqual([]);
    return docker('image', 'inspect', '--format', '{{.Os}}/{{.Architecture}}', image);
  }

  it.each([
    [ARM64, undefined],
    [ARM64, AMD64],
    [ARM64, ARM64],
    [AMD64, ARM64],
  ])('for %j run from its image, with one for %j on the engine', async (platform, here) => {
    await using test = await open();
    const uri = await imageFor(platform, here);
    expect(await create(test, uri, platform)).toBe(`${platform.os}/${platform.arch}`);
  });

  it("without a platform run from an image for the engine's own", async () => {
    await using test = await open();
    expect(await create(test, await imageFor(AMD64, ARM64), undefined)).toBe('linux/amd64');
  });

  it('are not made when neither the engine nor the registry has an image for it', async () => {
    await using test = await open();
    const uri = await imageFor(AMD64, AMD64);
    await expect(create(test, uri, ARM64)).rejects.toMatchObject({
      code: expect.stringMatching(/^(image\.pull_failed|sandbox\.start_failed)$/) as unknown,
      message: expect.stringContaining('linux/arm64') as unknown,
    });
    expect(await test.leftovers()).toEqual([]);
  });
});
