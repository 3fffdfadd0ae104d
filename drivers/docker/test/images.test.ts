import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress, RegistryAuth } from '@opensandbox/core/ports';
import { Secret } from '@opensandbox/base';
import { captureLog, sampleRecord } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, IMAGE, openDockerTest, temporaryDirectory } from './docker-harness.ts';
import type { DockerTest } from './docker-harness.ts';
import { HAS_REGISTRY, PASSWORD, startRegistry, USER } from './registry.ts';
import type { Registry } from './registry.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);

describe.skipIf(!HAS_ENGINE || !HAS_REGISTRY)('images from a registry that wants a password', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let registry: Registry;
  let uri: string;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    registry = await startRegistry(directory.path);
    uri = `${registry.host}/private/app:v1`;
    await using test = await openDockerTest();
    await writeFile(join(directory.path, 'ballast'), randomBytes(3_000_000));
    const container = await test.docker('create', IMAGE, 'true');
    await test.docker('cp', join(directory.path, 'ballast'), `${container}:/ballast`);
    await test.docker('commit', container, uri);
    await test.docker('rm', container);
    await test.docker('--config', registry.cliConfig, 'push', uri);
    await test.docker('rmi', uri);
  });

  afterAll(async () => {
    await using test = await openDockerTest();
    await test.docker('rmi', '-f', uri).catch(() => undefined); // a test may never have pulled it
    await registry[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const password = (text: string): RegistryAuth => ({ username: USER, password: new Secret(text) });

  async function pullFor(test: DockerTest, auth: RegistryAuth | undefined): Promise<readonly Progress[]> {
    await test.docker('rmi', '-f', uri).catch(() => undefined); // absent is what is wanted
    const told: Progress[] = [];
    const record = sampleRecord({ spec: busyboxSpec({ source: { kind: 'image', uri, auth } }) });
    await test.driver.create(record, (progress) => told.push(progress), signal);
    await test.driver.destroy(record.id, signal);
    return told;
  }

  it('are pulled with the credentials of the request, and the progress is told', async () => {
    await using test = await openDockerTest();
    const told = await pullFor(test, password(PASSWORD));
    const messages = told.filter((progress) => progress.step === 'image').map((progress) => progress.message);
    expect(messages[0]).toBe(`Pulling image ${uri}`);
    expect(messages.at(-1)).toMatch(/: 3\.0 MB of 3\.0 MB \(100%\), 2 of 2 layers$/);
  });

  it('are pulled with the credentials that the Docker CLI has', async () => {
    await using test = await openDockerTest({ deps: await withCliConfig(registry.cliConfig) });
    expect(await pullFor(test, undefined)).not.toEqual([]);
  });

  it('are pulled with the credentials of a helper program', async () => {
    const helpers = join(directory.path, 'bin');
    const config = join(directory.path, 'helper-config');
    await mkdir(helpers);
    await mkdir(config);
    const answer = JSON.stringify({ Username: USER, Secret: PASSWORD });
    await writeFile(
      join(helpers, 'docker-credential-tester'),
      `#!/bin/sh\ncat >/dev/null\necho '${answer}'\n`,
    );
    await chmod(join(helpers, 'docker-credential-tester'), 0o755);
    await writeFile(
      join(config, 'config.json'),
      JSON.stringify({ credHelpers: { [registry.host]: 'tester' } }),
    );
    const before = process.env['PATH'];
    process.env['PATH'] = `${helpers}:${before ?? ''}`;
    try {
      await using test = await openDockerTest({ deps: await withCliConfig(config) });
      expect(await pullFor(test, undefined)).not.toEqual([]);
    } finally {
      process.env['PATH'] = before;
    }
  });

  it.each([
    ['wrong credentials', new Secret('hunter2')],
    ['no credentials', undefined],
  ])('are refused with %s, without a container and without naming the password', async (_, secret) => {
    const log = captureLog();
    await using test = await openDockerTest({ log });
    const auth = secret === undefined ? undefined : { username: USER, password: secret };
    const failure = await pullFor(test, auth).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'image.pull_failed',
      message: expect.stringContaining(uri) as unknown,
    });
    expect(await test.leftovers()).toEqual([]);
    expect(JSON.stringify(log.lines)).not.toContain('hunter2');
  });

  it('are pulled once for many', async () => {
    const log = captureLog();
    await using test = await openDockerTest({ log });
    await test.docker('rmi', '-f', uri).catch(() => undefined); // absent is what is wanted
    const source = { kind: 'image', uri, auth: password(PASSWORD) } as const;
    const records = Array.from({ length: 4 }, () => sampleRecord({ spec: busyboxSpec({ source }) }));
    await Promise.all(records.map((record) => test.driver.create(record, () => undefined, signal)));
    await Promise.all(records.map((record) => test.driver.destroy(record.id, signal)));
    expect(log.lines.filter((line) => line.event === 'image.pulled')).toHaveLength(1);
  });
});

describe.skipIf(!HAS_ENGINE)('images that cannot be pulled', () => {
  async function failureOf(uri: string, platform?: { os: 'linux'; arch: 'arm64' }): Promise<unknown> {
    await using test = await openDockerTest();
    const spec = busyboxSpec({ source: { kind: 'image', uri, auth: undefined }, platform });
    const creating = test.driver.create(sampleRecord({ spec }), () => undefined, signal);
    const failure = await creating.then(
      () => 'created',
      (error: unknown) => error,
    );
    expect(await test.leftovers()).toEqual([]);
    return failure;
  }

  it('fail the create with the name of the image', async () => {
    expect(await failureOf('127.0.0.1:1/none:none')).toMatchObject({
      code: 'image.pull_failed',
      message: expect.stringMatching(/^Failed to pull image 127\.0\.0\.1:1\/none:none: \S/) as unknown,
    });
  });

  it('fail the create when the reference is none', async () => {
    expect(await failureOf('NOT a reference')).toMatchObject({ code: 'image.pull_failed' });
  });

  it('are asked for again when the local one is of another platform', async () => {
    expect(await failureOf(IMAGE, { os: 'linux', arch: 'arm64' })).toMatchObject({
      code: 'image.pull_failed',
    });
  });
});

async function withCliConfig(directory: string) {
  return { env: { DOCKER_HOST: 'unix:///var/run/docker.sock', DOCKER_CONFIG: directory } };
}
