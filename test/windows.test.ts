import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, lines, removeAll } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const BUSYBOX = 'opensandbox-test/busybox:latest';
const HAS_DEVICES = ['/dev/kvm', '/dev/net/tun'].every((path) => existsSync(path));
const tag = (name: string): string => `opensandbox-test-windows:${name}-${randomUUID()}`;
const WINDOWS = { os: 'Windows', arch: ' amd64 ' };

/** A stand-in for the virtual machine's image: what the guest would do is not looked at. */
describe.skipIf(!HAS_DEVICES)('Windows sandboxes (skipped without /dev/kvm and /dev/net/tun)', () => {
  const agentImage = tag('agent');
  const guestImage = tag('guest');
  let server: ServerProcess;
  let builtin: ServerProcess;

  const body = (resourceLimits: object, timeout = 600) => ({
    image: { uri: guestImage },
    platform: WINDOWS,
    entrypoint: ['one line of the guest'],
    resourceLimits,
    timeout,
  });
  const volumes = (id: string): Promise<string[]> =>
    lines('volume', 'ls', '-q', '--filter', `name=win-oem-${id}`);
  const create = async (limits: object = { cpu: '4', memory: '8G', disk: '64G' }) =>
    server.call('POST', '/v1/sandboxes', body(limits), { Prefer: 'wait=60' });

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'opensandbox-windows-'));
    await writeFile(join(directory, 'execd.exe'), 'agent');
    const agent = await docker('create', BUSYBOX, 'true');
    await docker('cp', join(directory, 'execd.exe'), `${agent}:/execd.exe`);
    await docker('commit', agent, agentImage);
    const guest = await docker('create', BUSYBOX, 'true');
    await docker('commit', '-c', 'ENTRYPOINT ["/bin/sh", "-c", "exec sleep 600"]', guest, guestImage);
    await docker('rm', '-v', agent, guest);
    await rm(directory, { recursive: true });
    server = await openServer({ runtime: `type = "docker"\nexecd_image = "${agentImage}"` });
    await server.start();
    builtin = await openServer();
    await builtin.start();
  });

  afterAll(async () => {
    for (const opened of [server, builtin]) {
      await opened.stop();
      await removeAll(opened.instance);
      await opened[Symbol.asyncDispose]();
    }
    await docker('rmi', '-f', agentImage, guestImage);
  });

  it.each([
    [{ cpu: '1' }, 'Windows profile requires resourceLimits.cpu >= 2 (received: 1).'],
    [{ memory: '8.5G' }, 'Windows profile requires resourceLimits.memory >= 4G (received: 8.5G).'],
    [{ disk: '63G' }, 'Windows profile requires resourceLimits.disk >= 64G (received: 63G).'],
    [{ gpu: '1' }, "resourceLimits.gpu is not supported with platform.os 'windows'."],
  ])('are refused with %j', async (limits, message) => {
    const { status, json } = await create(limits);
    expect([status, json.code]).toEqual([400, 'SANDBOX::INVALID_PARAMETER']);
    expect(json.message).toContain(message);
  });

  it('are refused by a server whose agent is for Linux, with the setting to change', async () => {
    const { status, json } = await builtin.call('POST', '/v1/sandboxes', body({}));
    expect([status, json.code]).toEqual([400, 'SANDBOX::INVALID_PARAMETER']);
    expect(json.message).toContain('Set runtime.execd_image to an image that holds /execd.exe');
  });

  it('run when their machine does, show its screen, outlive the server, and go with all they had', async () => {
    const { status, json } = await create();
    expect([status, json.status.state]).toEqual([202, 'Running']);
    expect(json).toMatchObject({
      platform: { os: 'windows', arch: 'amd64' },
      entrypoint: ['one line of the guest'],
    });
    const path = `/v1/sandboxes/${json.id}`;
    const screen = await server.call('GET', `${path}/endpoints/8006`);
    expect(screen.json.endpoint).toBe(await docker('port', `sandbox-${json.id}`, '8006/tcp'));
    await server.kill();
    await server.start();
    const again = await server.call('GET', path);
    expect(again.json).toMatchObject({
      status: { state: 'Running' },
      platform: { os: 'windows', arch: 'amd64' },
    });
    expect(await volumes(json.id)).toHaveLength(1);
    expect((await server.call('DELETE', path)).status).toBe(204);
    expect(await volumes(json.id)).toEqual([]);
  });

  it('expire with all they had', async () => {
    const { json } = await create();
    expect(await volumes(json.id)).toHaveLength(1);
    const expiresAt = new Date(Date.now() + 1_500).toISOString();
    await server.call('POST', `/v1/sandboxes/${json.id}/renew-expiration`, { expiresAt });
    await until('the sandbox is gone', 20_000, async () => {
      const { status } = await server.call('GET', `/v1/sandboxes/${json.id}`);
      return status === 404;
    });
    expect(await volumes(json.id)).toEqual([]);
    expect(await lines('ps', '-aq', '--filter', `name=sandbox-${json.id}`)).toEqual([]);
  });

  it.each([0, 150])('leave nothing when the server is killed %i ms after it promised them', async (ms) => {
    const { json } = await server.call('POST', '/v1/sandboxes', body({}));
    await new Promise((resolve) => setTimeout(resolve, ms));
    await server.kill();
    await server.start();
    await until('it runs after all', 30_000, async () => {
      const { json: now } = await server.call('GET', `/v1/sandboxes/${json.id}`);
      return now.status.state === 'Running';
    });
    expect((await server.call('DELETE', `/v1/sandboxes/${json.id}`)).status).toBe(204);
    expect(await volumes(json.id)).toEqual([]);
    const left = `label=opensandbox.io/carrier-instance=${server.instance}`;
    await until(
      'no carrier is left',
      20_000,
      async () => (await lines('ps', '-aq', '--filter', left)).length === 0,
    );
  });
});
