import { ConnectionConfig, Sandbox, SandboxManager } from '@alibaba-group/opensandbox';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HAS_PODMAN, openPodmanEngine } from '../drivers/docker/test/podman-engine.ts';
import type { PodmanEngine } from '../drivers/docker/test/podman-engine.ts';
import { docker } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';

const IMAGE = 'opensandbox-demo:latest';

describe.skipIf(!HAS_PODMAN)('the official SDK on Podman', () => {
  let directory: string;
  let podman: PodmanEngine;
  let server: ServerProcess;
  let connectionConfig: ConnectionConfig;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opensandbox-podman-'));
    podman = await openPodmanEngine(directory, { images: [IMAGE] });
    server = await openServer({
      docker: `publish_address = "${podman.address}"`,
      env: { DOCKER_HOST: `unix://${podman.socket}` },
    });
    await server.start();
    connectionConfig = new ConnectionConfig({
      domain: server.domain,
      apiKey: server.apiKey,
      useServerProxy: true,
    });
  });

  afterAll(async () => {
    await server.stop();
    await server[Symbol.asyncDispose]();
    await podman[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  it('lives through a story', async () => {
    const sandbox = await Sandbox.create({
      connectionConfig,
      image: IMAGE,
      timeoutSeconds: 300,
      metadata: { team: 'infra' },
      env: { GREETING: 'hi there' },
      resource: { cpu: '500m', memory: '256Mi' },
    });
    const said = async (command: string): Promise<string[]> =>
      (await sandbox.commands.run(command)).logs.stdout.map(({ text }) => text);
    expect(await said('echo $GREETING; python3 -c "print(6 * 7)"')).toEqual(['hi there', '42']);
    await sandbox.files.writeFiles([{ path: '/tmp/kept', data: 'kept' }]);
    expect(await sandbox.files.readFile('/tmp/kept')).toBe('kept');
    await sandbox.pause();
    expect((await sandbox.getInfo()).status.state).toBe('Paused');
    const resumed = await Sandbox.resume({ connectionConfig, sandboxId: sandbox.id });
    expect(await resumed.files.readFile('/tmp/kept')).toBe('kept');
    const manager = SandboxManager.create({ connectionConfig });
    const { items } = await manager.listSandboxInfos({ metadata: { team: 'infra' } });
    expect(items.map(({ id }) => id)).toEqual([sandbox.id]);
    await manager.close();
    await resumed.kill();
    await resumed.close();
    await sandbox.close();
    await expect
      .poll(() => docker('-H', `unix://${podman.socket}`, 'ps', '-aq'), { timeout: 20_000 })
      .toBe('');
  });

  it('is told of a sandbox that somebody killed', async () => {
    const sandbox = await Sandbox.create({ connectionConfig, image: IMAGE, timeoutSeconds: 300 });
    await docker('-H', `unix://${podman.socket}`, 'kill', `sandbox-${sandbox.id}`);
    await expect
      .poll(async () => (await sandbox.getInfo()).status.state, { timeout: 5_000, interval: 50 })
      .toBe('Failed');
    await sandbox.kill();
    await sandbox.close();
  });
});
