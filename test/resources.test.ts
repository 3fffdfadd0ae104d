import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containersOf, docker, removeAll } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';

const IMAGE = 'opensandbox-test/busybox:latest';

interface Wish {
  readonly resourceLimits?: Readonly<Record<string, string>>;
  readonly resourceRequests?: Readonly<Record<string, string>>;
}

describe('the resources of a request', () => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await openServer();
    await server.start();
  });

  afterAll(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
  });

  const create = (wish: Wish) => {
    const body = {
      image: { uri: IMAGE },
      entrypoint: ['sleep', '60'],
      timeout: 60,
      resourceLimits: {},
      ...wish,
    };
    return server.call('POST', '/v1/sandboxes', body, { Prefer: 'wait=60' });
  };

  it.each<[Wish, string]>([
    [{ resourceLimits: { memory: '1.5Gi' } }, '1610612736 0 0 0'],
    [{ resourceLimits: { memory: '512 Mi' } }, '536870912 0 0 0'],
    [{ resourceLimits: { memory: '1GiB', cpu: '500m' } }, '1073741824 500000000 0 0'],
    [
      { resourceLimits: { memory: '64Mi' }, resourceRequests: { cpu: '1', memory: '32Mi' } },
      '67108864 0 1024 33554432',
    ],
  ])('%j are what the engine is told', async (wish, told) => {
    const { status, json } = await create(wish);
    expect([status, json.status.state]).toEqual([202, 'Running']);
    const format = '{{.Memory}} {{.NanoCpus}} {{.CpuShares}} {{.MemoryReservation}}';
    const seen = await docker(
      'inspect',
      '--format',
      `{{with .HostConfig}}${format}{{end}}`,
      `sandbox-${json.id}`,
    );
    expect(seen).toBe(told);
  });

  it.each<[Wish, string]>([
    [{ resourceLimits: { cpu: 'abc' } }, "Invalid resourceLimits.cpu 'abc'"],
    [{ resourceLimits: { cpu: 'inf' } }, "Invalid resourceLimits.cpu 'inf'"],
    [{ resourceLimits: { cpu: '4000' } }, 'resourceLimits.cpu is 4000; the host of the Docker Engine has'],
    [{ resourceLimits: { memory: '5Mi' } }, 'the Docker Engine takes 6 MiB'],
    [{ resourceLimits: { disk: '10Gi' } }, 'resourceLimits.disk cannot be enforced by this Docker Engine'],
    [{ resourceLimits: { storage: '1Gi', disk: '2Gi' } }, 'Give one of them'],
    [
      { resourceLimits: { hugepages: '1' } },
      'resourceLimits.hugepages is not supported by the Docker runtime',
    ],
    [{ resourceRequests: { gpu: '1' } }, 'resourceRequests.gpu is not supported by the Docker runtime'],
    [
      { resourceLimits: { memory: '64Mi' }, resourceRequests: { memory: '128Mi' } },
      "Invalid resourceRequests.memory '128Mi': it must not be above resourceLimits.memory '64Mi'.",
    ],
  ])('%j are refused by their name', async (wish, why) => {
    const { status, json } = await create(wish);
    expect([status, json.code]).toEqual([400, 'SANDBOX::INVALID_PARAMETER']);
    expect(json.message).toContain(why);
  });

  it('that the engine refuses fail with what it said, and leave nothing', async () => {
    const before = await containersOf(server.instance);
    const { json } = await create({ resourceLimits: { gpu: '1' } });
    expect(json.status.state).toBe('Failed');
    const { status, json: error } = await server.call('GET', `/v1/sandboxes/${json.id}/endpoints/44772`);
    expect([status, error.code]).toEqual([500, 'DOCKER::SANDBOX_START_FAILED']);
    expect(error.message).toContain('could not select device driver');
    expect(await containersOf(server.instance)).toEqual(before);
  });
});
