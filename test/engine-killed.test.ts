import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAN_OWN_ENGINE, openOwnEngine } from '../drivers/docker/test/own-engine.ts';
import type { OwnEngine } from '../drivers/docker/test/own-engine.ts';
import { lines } from './support/docker.ts';
import { openNetworkNamespace } from './support/network-namespace.ts';
import type { NetworkNamespace } from './support/network-namespace.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const CREATES = 8;
const BODY = {
  image: { uri: 'opensandbox-test/busybox:latest' },
  entrypoint: ['sleep', '600'],
  resourceLimits: {},
  timeout: 600,
};

describe.skipIf(!CAN_OWN_ENGINE)('a Docker engine that is killed while a server creates sandboxes', () => {
  let directory: string;
  let namespace: NetworkNamespace;
  let engine: OwnEngine;
  let server: ServerProcess;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opensandbox-killed-'));
    namespace = await openNetworkNamespace();
    engine = await openOwnEngine(directory, { through: namespace.through });
    server = await openServer({ through: namespace.through });
    await namespace.expose(Number(server.domain.split(':')[1]), directory);
    await server.start({ DOCKER_HOST: `unix://${engine.socket}` });
  });

  afterAll(async () => {
    await server.stop();
    await server[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await namespace[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  /** Every sandbox's container by its name, and the state that the engine gives it. */
  async function containers(): Promise<ReadonlyMap<string, string>> {
    const listed = await lines(
      '-H',
      `unix://${engine.socket}`,
      'ps',
      '-a',
      '--format',
      '{{.Names}} {{.State}}',
    );
    const sandboxes = listed.filter((line) => line.startsWith('sandbox-'));
    return new Map(sandboxes.map((line) => line.split(' ') as [string, string]));
  }

  it.each([1, 4])('keeps what it promised when %i of them exist at that moment', async (count) => {
    const promised = await Promise.all(
      Array.from({ length: CREATES }, () => server.call('POST', '/v1/sandboxes', BODY)),
    );
    expect(promised.map(({ status }) => status)).toEqual(promised.map(() => 202));
    await until('some containers exist', 30_000, async () => (await containers()).size >= count);
    await engine.kill();
    await engine.start();
    const ids = promised.map(({ json }) => json.id);
    for (const id of ids) {
      await until(`${id} has left Pending`, 60_000, async () => (await stateOf(id)) !== 'Pending');
    }
    for (const id of ids) {
      // What ran before is shown as running until the server has heard from the engine again.
      await until(`${id} is what the engine says`, 30_000, async () =>
        (await expectedState(id)).test(await stateOf(id)),
      );
    }
    expect([...(await containers()).keys()].sort()).toEqual(ids.map((id) => `sandbox-${id}`).sort());
    await Promise.all(ids.map((id) => server.call('DELETE', `/v1/sandboxes/${id}`)));
    expect((await containers()).size).toBe(0);
  });

  async function stateOf(id: string): Promise<string> {
    return (await server.call('GET', `/v1/sandboxes/${id}`)).json.status.state;
  }

  /** One that was running already ended with its engine, and says so; all the others run. */
  async function expectedState(id: string): Promise<RegExp> {
    const hasEnded = (await containers()).get(`sandbox-${id}`) === 'exited';
    return hasEnded ? /^(Failed|Terminated)$/ : /^Running$/;
  }
});
