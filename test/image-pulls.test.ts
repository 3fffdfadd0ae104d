import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dockerCli, SOCKET, temporaryDirectory } from '../drivers/docker/test/docker-harness.ts';
import { openRegistryFront } from '../drivers/docker/test/registry-front.ts';
import type { RegistryFront } from '../drivers/docker/test/registry-front.ts';
import { pushBallast } from '../drivers/docker/test/registry-image.ts';
import { HAS_REGISTRY, PASSWORD, startRegistry, USER } from '../drivers/docker/test/registry.ts';
import type { Registry } from '../drivers/docker/test/registry.ts';
import { containersOf, docker, removeAll } from './support/docker.ts';
import { openServer } from './support/server-process.ts';
import type { ServerProcess, WireBody } from './support/server-process.ts';

const HALF_WAY = /: 1\.\d MB of 3\.0 MB \([3-5]\d%\), 1 of 2 layers$/;

describe.skipIf(!HAS_REGISTRY)('sandboxes that wait for one image', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let registry: Registry;
  let front: RegistryFront;
  let server: ServerProcess;
  let uri: string;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    registry = await startRegistry(directory.path);
    front = await openRegistryFront(registry.host);
    uri = `${front.host}/private/app:v1`;
    await pushBallast(dockerCli(SOCKET), registry, `${registry.host}/private/app:v1`);
    server = await openServer();
    await server.start();
  });

  afterEach(async () => {
    front.hold(false);
    const id = await docker('images', '-q', '--no-trunc', uri);
    if (id !== '') await docker('rmi', '-f', id);
  });

  afterAll(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
    await front[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  async function create(password: string): Promise<string> {
    const { status, json } = await server.call('POST', '/v1/sandboxes', {
      image: { uri, auth: { username: USER, password } },
      entrypoint: ['sleep', '600'],
      resourceLimits: {},
      timeout: 600,
    });
    expect(status).toBe(202);
    return json.id;
  }

  const statusOf = async (id: string): Promise<WireBody['status']> =>
    (await server.call('GET', `/v1/sandboxes/${id}`)).json.status;

  it('each show how far it has come; one that is deleted does not end the pull of the others', async () => {
    front.hold(true);
    const ids = await Promise.all([1, 2, 3].map(() => create(PASSWORD)));
    for (const id of ids) {
      await expect.poll(async () => (await statusOf(id)).message, { timeout: 30_000 }).toMatch(HALF_WAY);
      expect((await statusOf(id)).state).toBe('Pending');
    }
    const [first = '', ...rest] = ids;
    expect((await server.call('DELETE', `/v1/sandboxes/${first}`)).status).toBe(204);
    front.hold(false);
    for (const id of rest) {
      await expect.poll(async () => (await statusOf(id)).state, { timeout: 30_000 }).toBe('Running');
      expect((await server.call('DELETE', `/v1/sandboxes/${id}`)).status).toBe(204);
    }
    expect(front.asked.filter((line) => /^GET .*\/blobs\//.test(line)).length).toBe(2);
    expect(await containersOf(server.instance)).toEqual([]);
  });

  it('fail with the reason of the registry, which is also what who asks for an endpoint is told', async () => {
    const id = await create('hunter2');
    const endpoint = await server.call('GET', `/v1/sandboxes/${id}/endpoints/44772`);
    expect([endpoint.status, endpoint.json.code]).toEqual([500, 'DOCKER::SANDBOX_IMAGE_PULL_FAILED']);
    const { state, message } = await statusOf(id);
    expect(state).toBe('Failed');
    expect(message).toContain('image.auth of the request');
    expect(message + endpoint.text + server.output()).not.toContain('hunter2');
    await server.call('DELETE', `/v1/sandboxes/${id}`);
  });
});
