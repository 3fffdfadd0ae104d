import { setMaxListeners } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Secret } from '@opensandbox/base';
import { sampleRecord } from '@opensandbox/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest, temporaryDirectory } from './docker-harness.ts';
import type { DockerTest } from './docker-harness.ts';
import { isBlob, isManifest, openRegistryFront } from './registry-front.ts';
import type { Disturbance, RegistryFront } from './registry-front.ts';
import { BALLAST_BYTES, pushBallast } from './registry-image.ts';
import { HAS_REGISTRY, PASSWORD, startRegistry, USER } from './registry.ts';
import type { Registry } from './registry.ts';

const { signal } = new AbortController();
setMaxListeners(0, signal);
const AUTH = { username: USER, password: new Secret(PASSWORD) };
/** The engine tries a download five times, each time waiting longer. */
const RETRIES_MS = 150_000;

/** Only the ballast is asked for: the engine has the other layer. */
const noise = Buffer.alloc(BALLAST_BYTES, 'x');

function answer(response: ServerResponse, status: number, body = ''): true {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), connection: 'close' }).end(body);
  return true;
}

const hangs: Disturbance = () => true;
const answers500: Disturbance = (_, response) => answer(response, 500, 'out of order');
const knowsNothing: Disturbance = (request, response) => {
  const body = JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] });
  return isManifest(request) && answer(response, 404, body);
};
const breaksOff: Disturbance = (request, response) => {
  if (!isBlob(request)) return false;
  response.writeHead(200, { 'content-length': noise.length });
  response.write(noise.subarray(0, 1000), () => response.socket?.resetAndDestroy());
  return true;
};
const servesOther: Disturbance = (request, response) => {
  if (!isBlob(request)) return false;
  response.writeHead(200, { 'content-length': noise.length }).end(noise);
  return true;
};
const servesOtherManifest: Disturbance = (request, response) => {
  if (!isManifest(request)) return false;
  const type = 'application/vnd.docker.distribution.manifest.v2+json';
  const body = JSON.stringify({ schemaVersion: 2, mediaType: type, config: {}, layers: [] });
  response.writeHead(200, { 'content-type': type, 'content-length': body.length });
  response.end(request.method === 'HEAD' ? '' : body);
  return true;
};
const leadsNowhere: Disturbance = (request, response) => {
  if (!isBlob(request)) return false;
  response.writeHead(307, { location: 'http://127.0.0.1:1/nowhere', 'content-length': 0 }).end();
  return true;
};

describe.skipIf(!HAS_ENGINE || !HAS_REGISTRY)('a registry in trouble', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let registry: Registry;
  let front: RegistryFront;
  let test: DockerTest;
  let digest: string;
  const name = (): string => `${front.host}/private/app`;

  async function run(image: string, told: string[] = []): Promise<void> {
    const record = sampleRecord({ spec: busyboxSpec({ source: { kind: 'image', uri: image, auth: AUTH } }) });
    await test.driver.create(record, ({ message }) => told.push(message), signal);
    await test.driver.destroy(record.id, signal);
  }

  async function forget(): Promise<void> {
    const ids = await test.docker('images', '-q', '--no-trunc', name());
    if (ids !== '') await test.docker('rmi', '-f', ...new Set(ids.split('\n')));
  }

  beforeAll(async () => {
    directory = await temporaryDirectory();
    registry = await startRegistry(directory.path);
    front = await openRegistryFront(registry.host);
    await using pushing = await openDockerTest();
    digest = await pushBallast(pushing.docker, registry, `${registry.host}/private/app:v1`);
  });

  beforeEach(async () => {
    test = await openDockerTest({ section: { api_timeout: 15 } });
    await forget();
  });

  afterEach(async () => {
    front.disturb = () => false;
    await forget();
    await test[Symbol.asyncDispose]();
  });

  afterAll(async () => {
    await front[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  it.each<[string, Disturbance, string, RegExp]>([
    ['says nothing', hangs, ':v1', /no progress for 15 s.*engine's host reaches it/],
    ['answers 500', answers500, ':v1', /500.*problem of its own/],
    ['does not know the image', knowsNothing, ':v1', /manifest unknown.*tag or digest/],
    ['breaks every download off', breaksOff, ':v1', /engine's host reaches it/],
    ['serves another layer than asked for', servesOther, ':v1', /verification failed.*damaged data/],
    [
      'serves another manifest than asked for',
      servesOtherManifest,
      '@digest',
      /verification failed.*damaged/,
    ],
    ['leads nowhere', leadsNowhere, ':v1', /refused.*engine's host reaches it/],
  ])(
    'that %s fails the create with what to do, and the next create works when it is well',
    async (_, disturb, reference, words) => {
      front.disturb = disturb;
      const uri = `${name()}${reference.replace('digest', digest)}`;
      const failure = await run(uri).then(
        () => 'created',
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({
        code: 'image.pull_failed',
        message: expect.stringMatching(words) as unknown,
      });
      expect((failure as Error).message.startsWith(`Failed to pull image ${uri}: `)).toBe(true);
      expect((failure as Error).message).not.toContain(PASSWORD);
      expect(await test.leftovers()).toEqual([]);
      front.disturb = () => false;
      await run(uri);
    },
    RETRIES_MS,
  );

  it(
    'that breaks one download off is asked again by the engine, and who waits is told',
    async () => {
      // It goes on once where a download ended; ended again there, it begins anew.
      let left = 3;
      front.disturb = (request, response) => {
        if (left === 0 || !isBlob(request)) return false;
        left -= 1;
        return breaksOff(request, response);
      };
      const told: string[] = [];
      await run(`${name()}:v1`, told);
      expect(told.join('\n')).toMatch(/a download broke off, retrying in \d+ second/);
    },
    RETRIES_MS,
  );
});
