import { setMaxListeners } from 'node:events';
import { Secret } from '@opensandbox/base';
import { sampleRecord } from '@opensandbox/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest, temporaryDirectory } from './docker-harness.ts';
import type { DockerTest, DockerTestOptions } from './docker-harness.ts';
import { openRegistryFront } from './registry-front.ts';
import type { RegistryFront } from './registry-front.ts';
import { BALLAST_BYTES, pushBallast } from './registry-image.ts';
import { HAS_REGISTRY, PASSWORD, startRegistry, USER } from './registry.ts';
import type { Registry } from './registry.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);
const GOOD = { username: USER, password: new Secret(PASSWORD) };
const WRONG = { username: USER, password: new Secret('hunter2') };

describe.skipIf(!HAS_ENGINE || !HAS_REGISTRY)('pulls from a registry', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let registry: Registry;
  let front: RegistryFront;
  let digest: string;
  let uri: string;
  const name = (): string => `${front.host}/private/app`;
  const open: DockerTest[] = [];

  async function openTest(options: DockerTestOptions = {}): Promise<DockerTest> {
    const test = await openDockerTest(options);
    open.push(test);
    return test;
  }

  /** Creates and removes; resolves with what was told. */
  async function run(test: DockerTest, image: string, auth: typeof GOOD | undefined): Promise<string[]> {
    const told: string[] = [];
    const spec = busyboxSpec({ source: { kind: 'image', uri: image, auth } });
    const record = sampleRecord({ spec });
    await test.driver.create(record, ({ message }) => told.push(message), signal);
    await test.driver.destroy(record.id, signal);
    return told;
  }

  const manifests = (): number => front.asked.filter((line) => line.includes('/manifests/')).length;
  const blobs = (): readonly string[] => front.asked.filter((line) => /^GET .*\/blobs\//.test(line));

  beforeAll(async () => {
    directory = await temporaryDirectory();
    registry = await startRegistry(directory.path);
    front = await openRegistryFront(registry.host);
    uri = `${name()}:v1`;
    await using test = await openDockerTest();
    const pushed = `${registry.host}/private/app:v1`;
    digest = await pushBallast(test.docker, registry, pushed);
  });

  beforeEach(async () => {
    await using test = await openDockerTest();
    await forget(test);
    front.hold(false);
    front.disturb = () => false;
    front.asked.length = 0;
  });

  afterEach(async () => {
    for (const test of open.splice(0)) {
      const left = await test.leftovers();
      await test[Symbol.asyncDispose]();
      expect(left).toEqual([]);
    }
  });

  afterAll(async () => {
    await using test = await openDockerTest();
    await forget(test);
    await front[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  async function forget(test: DockerTest): Promise<void> {
    const ids = await test.docker('images', '-q', '--no-trunc', name());
    if (ids !== '') await test.docker('rmi', '-f', ...new Set(ids.split('\n')));
  }

  it.each([
    ['a digest', () => `${name()}@${digest}`],
    ['a tag and a digest', () => `${name()}:v1@${digest}`],
  ])('take %s, and once only', async (_, image) => {
    const test = await openTest();
    expect(await run(test, image(), GOOD)).toContain(`Pulling image ${image()}`);
    const before = front.asked.length;
    expect(await run(test, image(), undefined)).not.toContain(`Pulling image ${image()}`);
    expect(front.asked).toHaveLength(before);
  });

  it('fail for a digest that the registry does not have', async () => {
    const test = await openTest();
    const image = `${name()}@sha256:${'0'.repeat(64)}`;
    await expect(run(test, image, GOOD)).rejects.toMatchObject({
      code: 'image.pull_failed',
      message: expect.stringContaining('tag or digest') as unknown,
    });
  });

  it('are one for all who wait: each hears the bytes, one may leave, the rest get the image', async () => {
    const test = await openTest();
    front.hold(true);
    const waiters = Array.from({ length: 4 }, () => {
      const told: string[] = [];
      const leaving = new AbortController();
      const source = { kind: 'image', uri, auth: GOOD } as const;
      const record = sampleRecord({ spec: busyboxSpec({ source }) });
      const creating = test.driver.create(record, ({ message }) => told.push(message), leaving.signal);
      return { told, leaving, record, outcome: creating.then(() => 'created', String) };
    });
    const half = new RegExp(`: 1\\.\\d MB of ${BALLAST_BYTES / 1e6}\\.0 MB \\([3-5]\\d%\\), 1 of 2 layers$`);
    for (const { told } of waiters) await expect.poll(() => told.at(-1), { timeout: 20_000 }).toMatch(half);
    waiters[0]?.leaving.abort();
    expect(await waiters[0]?.outcome).not.toBe('created');
    front.hold(false);
    const rest = waiters.slice(1);
    expect(await Promise.all(rest.map(({ outcome }) => outcome))).toEqual(['created', 'created', 'created']);
    for (const { record } of rest) await test.driver.destroy(record.id, signal);
    expect(new Set(blobs()).size).toBe(blobs().length);
  });

  it('end when the last who waited has left, and begin anew for the next', async () => {
    const test = await openTest();
    front.hold(true);
    const leaving = [new AbortController(), new AbortController()];
    const told: string[] = [];
    const outcomes = leaving.map((controller) => {
      const record = sampleRecord({ spec: busyboxSpec({ source: { kind: 'image', uri, auth: GOOD } }) });
      const creating = test.driver.create(record, ({ message }) => told.push(message), controller.signal);
      return creating.then(() => 'created', String);
    });
    await expect.poll(() => told.at(-1), { timeout: 20_000 }).toMatch(/\(\d+%\)/);
    for (const controller of leaving) controller.abort();
    expect(await Promise.all(outcomes)).not.toContain('created');
    await expect.poll(() => front.open(), { timeout: 20_000 }).toBe(0);
    front.hold(false);
    await run(test, uri, GOOD);
  });

  it('fail for all who wait with one reason, without naming the password', async () => {
    const test = await openTest();
    const failures = await Promise.all(
      Array.from({ length: 4 }, () => run(test, uri, WRONG).then(() => 'created', String)),
    );
    expect(new Set(failures).size).toBe(1);
    expect(failures[0]).toContain(`Failed to pull image ${uri}: `);
    expect(failures[0]).toContain('image.auth of the request, or docker login on the server');
    expect(failures[0]).not.toContain('hunter2');
    expect(manifests()).toBeLessThanOrEqual(2);
  });

  it('are none for what the engine has, whoever asks, unless the policy is always', async () => {
    const lax = await openTest();
    const strict = await openTest({ section: { image_pull_policy: 'always' } });
    await run(lax, uri, GOOD);
    const before = front.asked.length;
    await run(lax, uri, WRONG);
    expect(front.asked).toHaveLength(before);
    await expect(run(strict, uri, WRONG)).rejects.toMatchObject({ code: 'image.pull_failed' });
    await expect(run(strict, uri, undefined)).rejects.toMatchObject({ code: 'image.pull_failed' });
    await run(strict, uri, GOOD);
    expect(new Set(blobs()).size).toBe(blobs().length);
  });

  it('are none at all when the policy is never, and the failure says so', async () => {
    const test = await openTest({ section: { image_pull_policy: 'never' } });
    await expect(run(test, uri, GOOD)).rejects.toMatchObject({
      code: 'image.pull_failed',
      message: expect.stringContaining('docker.image_pull_policy is "never"') as unknown,
    });
    expect(front.asked).toEqual([]);
  });
});
