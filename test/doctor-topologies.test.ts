import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openFarHost } from '../drivers/docker/test/far-host.ts';
import type { FarHost } from '../drivers/docker/test/far-host.ts';
import { CAN_OWN_ENGINE, openOwnEngine } from '../drivers/docker/test/own-engine.ts';
import type { OwnEngine } from '../drivers/docker/test/own-engine.ts';
import { HAS_SSHD, openSshServer } from '../drivers/docker/test/ssh-server.ts';
import { runDoctor, trialsLeft } from './support/doctor.ts';
import { docker } from './support/docker.ts';

afterEach(async () => {
  expect(await trialsLeft()).toBe('');
});

describe('the doctor beside the engine', () => {
  const network = `opensandbox-test-${randomBytes(4).toString('hex')}`;
  beforeAll(() => docker('network', 'create', network));
  afterAll(() => docker('network', 'rm', network));

  it.each([
    ['bridge', 'ok'],
    ['host', 'warn'],
    [network, 'ok'],
  ])('reaches a container on network %s', async (mode, status) => {
    const found = await runDoctor(`network_mode = "${mode}"`);
    expect(found('network')?.status).toBe(status);
    expect(found('place')?.status).toBe('ok');
    expect(found('reach')).toMatchObject({
      status: 'ok',
      message: expect.stringMatching(/^a container answered at 127\.0\.0\.1:\d+/) as unknown,
    });
  });

  it('says which network is missing, and tries none', async () => {
    const found = await runDoctor('network_mode = "nowhere"');
    expect(found('network')?.status).toBe('fail');
    expect(found('reach')).toBeUndefined();
  });

  it('says what the engine says when no container can be run', async () => {
    const found = await runDoctor('network_mode = "bridge"\npublish_address = "192.0.2.1"');
    expect(found('reach')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('192.0.2.1') as unknown,
    });
  });
});

describe.skipIf(!CAN_OWN_ENGINE)('the doctor of an engine on another host', () => {
  let directory: string;
  let far: FarHost;
  let engine: OwnEngine;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opensandbox-far-'));
    far = await openFarHost();
    engine = await openOwnEngine(directory, { through: far.through, hosts: ['tcp://0.0.0.0:2375'] });
    env = { DOCKER_HOST: `tcp://${far.address}:2375` };
  });

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await far[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  it('reaches a container there', async () => {
    const found = await runDoctor('network_mode = "bridge"', env);
    expect(found('place')?.message).toContain(`the engine on another host: ${far.address}`);
    expect(found('reach')).toMatchObject({
      status: 'ok',
      message: expect.stringContaining(`a container answered at ${far.address}:`) as unknown,
    });
  });

  it.skipIf(!HAS_SSHD)('reaches a container there when it asks over ssh', async () => {
    const options = { directory, address: far.address, port: 2222, through: far.through };
    await using ssh = await openSshServer({ ...options, dockerHost: `unix://${engine.socket}` });
    const PATH = `${ssh.programs}:${process.env['PATH'] ?? ''}`;
    const found = await runDoctor('network_mode = "bridge"', { DOCKER_HOST: 'ssh://engine', PATH });
    expect(found('engine')?.status).toBe('ok');
    expect(found('place')?.message).toContain('the engine on another host');
    expect(found('reach')).toMatchObject({
      status: 'ok',
      message: expect.stringContaining(`a container answered at ${far.address}:`) as unknown,
    });
  });

  it('says what to set when ports are published on that host alone', async () => {
    const found = await runDoctor('network_mode = "bridge"\npublish_address = "127.0.0.1"', env);
    expect(found('reach')).toMatchObject({
      status: 'fail',
      advice: expect.stringContaining('docker.publish_address') as unknown,
    });
  });

  it('says what to set when that host is another one than is dialled', async () => {
    const found = await runDoctor('network_mode = "bridge"\nhost_ip = "127.0.0.1"', env);
    expect(found('reach')).toMatchObject({
      status: 'fail',
      advice: expect.stringMatching(/docker\.(host_ip|publish_address)/) as unknown,
    });
  });

  it('leaves nothing on that engine', async () => {
    expect(await docker('-H', `unix://${engine.socket}`, 'ps', '-aq')).toBe('');
    expect(await docker('-H', `unix://${engine.socket}`, 'images', '-q', 'opensandbox-doctor')).toBe('');
  });
});
