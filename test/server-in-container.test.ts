import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConnectionConfig, Sandbox } from '@alibaba-group/opensandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  agentVolumeOf,
  freePort,
  openContainedServer,
  waitHealthy,
  writeConfig,
} from './support/contained-server.ts';
import type { ContainedOptions } from './support/contained-server.ts';
import { runContainedDoctor, trialsLeft } from './support/doctor.ts';
import { containersOf, docker, lines, removeAll } from './support/docker.ts';
import { REPOSITORY, buildServerImage, removeAgentVolume } from './support/server-image.ts';
import type { ServerImage } from './support/server-image.ts';

const LOOPBACK = 'publish_address = "127.0.0.1"';
const DEMO = 'opensandbox-demo:latest';
const SHELL_SCRIPT = 'mkdir -p /tmp/site && echo from-the-sandbox > /tmp/site/index.html';
const SERVE = 'python3 -m http.server 3000 --bind 127.0.0.1 --directory /tmp/site';
const composeFile = join(REPOSITORY, 'deploy/docker-compose.example.yaml');
const run = promisify(execFile);

let image: ServerImage | undefined;
let agentVolume: string | undefined;

beforeAll(async () => {
  image = await buildServerImage();
}, 900_000);

afterAll(async () => {
  await removeAgentVolume(agentVolume);
  await image?.[Symbol.asyncDispose]();
});

/** Creates, runs, writes, reads, asks a service through the server's proxy, and deletes. */
async function liveOneLife(server: {
  readonly domain: string;
  readonly apiKey: string;
  readonly useServerProxy: boolean;
}): Promise<void> {
  const connectionConfig = new ConnectionConfig({ ...server });
  const sandbox = await Sandbox.create({ connectionConfig, image: DEMO, timeoutSeconds: 300 });
  try {
    agentVolume = await agentVolumeOf(sandbox.id);
    const execution = await sandbox.commands.run('echo out; exit 3');
    expect(execution.logs.stdout.map((line) => line.text)).toEqual(['out']);
    expect(execution.exitCode).toBe(3);
    await sandbox.files.writeFiles([{ path: '/tmp/kept', data: 'content' }]);
    expect(await sandbox.files.readFile('/tmp/kept')).toBe('content');
    await sandbox.commands.run(SHELL_SCRIPT);
    await sandbox.commands.run(SERVE, { background: true });
    await expect
      .poll(() => page(server.domain, sandbox.id), { timeout: 20_000 })
      .toContain('from-the-sandbox');
  } finally {
    await sandbox.kill();
    await sandbox.close();
  }
}

async function page(domain: string, id: string): Promise<string> {
  const answer = await fetch(`http://${domain}/sandboxes/${id}/proxy/3000/`);
  return answer.text();
}

describe.skipIf(!existsSync('/usr/bin/docker-compose'))('the shipped Compose example', () => {
  const project = `opensandboxtest${randomBytes(4).toString('hex')}`;
  const instance = `test-${randomBytes(6).toString('hex')}`;
  const apiKey = randomBytes(12).toString('hex');
  const container = `${project}_opensandbox-server_1`;
  let directory: string;
  let domain: string;
  let environment: NodeJS.ProcessEnv;

  async function compose(...args: readonly string[]): Promise<string> {
    const files = ['-f', composeFile, '-f', join(directory, 'override.yaml')];
    const { stdout } = await run('docker-compose', ['-p', project, ...files, ...args], {
      env: environment,
      timeout: 120_000,
    });
    return stdout;
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opensandbox-compose-'));
    const config = await writeConfig(directory, instance);
    await writeFile(
      join(directory, 'override.yaml'),
      `services:\n  opensandbox-server:\n    volumes:\n      - ${config}:/etc/opensandbox/config.toml:ro\n`,
    );
    const port = await freePort();
    domain = `127.0.0.1:${port}`;
    environment = {
      ...process.env,
      OPENSANDBOX_SERVER_IMAGE: image?.tag,
      OPENSANDBOX_SERVER_API_KEY: apiKey,
      OPENSANDBOX_SERVER_PORT: String(port),
      DOCKER_GID: String((await stat('/var/run/docker.sock')).gid),
    };
    await compose('up', '-d', '--no-build');
    await waitHealthy(domain, container);
  });

  afterAll(async () => {
    await removeAll(instance);
    await compose('down', '--volumes', '--timeout', '20');
    await rm(directory, { recursive: true, force: true });
    expect(await lines('ps', '-aq', '--filter', `label=com.docker.compose.project=${project}`)).toEqual([]);
    expect(
      await lines('volume', 'ls', '-q', '--filter', `label=com.docker.compose.project=${project}`),
    ).toEqual([]);
  });

  it('is refused without a key, and says which variable is missing', async () => {
    const env = { ...environment, OPENSANDBOX_SERVER_API_KEY: '' };
    await expect(run('docker-compose', ['-f', composeFile, 'config'], { env })).rejects.toMatchObject({
      stderr: expect.stringContaining('OPENSANDBOX_SERVER_API_KEY') as unknown,
    });
  });

  it('runs as a user that is not root, on a read-only root', async () => {
    expect(await docker('exec', container, 'id', '-u')).toBe('10001');
    await expect(docker('exec', container, 'touch', '/opt/x')).rejects.toThrow(/Read-only/);
  });

  it('becomes healthy in the eyes of the engine', async () => {
    const health = (): Promise<string> =>
      docker('inspect', '--format', '{{.State.Health.Status}}', container);
    await expect.poll(health, { timeout: 60_000, interval: 500 }).toBe('healthy');
  });

  it.each([
    ['through the server', true],
    ['straight to the sandbox', false],
  ])('serves the official SDK, %s, and leaves nothing', async (_, useServerProxy) => {
    await liveOneLife({ domain, apiKey, useServerProxy });
    expect(await containersOf(instance)).toEqual([]);
  });

  it('keeps its sandboxes over a restart and over a kill of the server', async () => {
    const connectionConfig = new ConnectionConfig({ domain, apiKey, useServerProxy: true });
    const sandbox = await Sandbox.create({ connectionConfig, image: DEMO, timeoutSeconds: 300 });
    await sandbox.files.writeFiles([{ path: '/tmp/kept', data: 'content' }]);
    for (const end of ['restart', 'kill']) {
      await docker(end, container);
      if (end === 'kill') await docker('start', container);
      await waitHealthy(domain, container);
      const again = await Sandbox.connect({ connectionConfig, sandboxId: sandbox.id });
      expect(await again.files.readFile('/tmp/kept')).toBe('content');
      await again.close();
    }
    await sandbox.kill();
    await sandbox.close();
    expect(await containersOf(instance)).toEqual([]);
  });

  it('stops in time when it is told to', async () => {
    await compose('stop', '--timeout', '20');
    expect(await docker('inspect', '--format', '{{.State.ExitCode}}', container)).toBe('143');
  });
});

describe('a server in a container', () => {
  const network = `opensandbox-test-${randomBytes(4).toString('hex')}`;
  const beside = `network_mode = "${network}"`;

  beforeAll(() => docker('network', 'create', '--label', 'opensandbox-test=network', network));
  afterAll(() => docker('network', 'rm', network));

  const name = ['--add-host', 'host.docker.internal:host-gateway'];
  it.each<[string, Omit<ContainedOptions, 'image'>]>([
    ['on another network than the sandboxes, by the gateway', { network }],
    ['on another network, by host.docker.internal', { network, flags: name }],
    ['with docker.host_ip', { network, flags: name, docker: 'host_ip = "host.docker.internal"' }],
    ['beside sandboxes whose ports are on the loopback', { network, docker: `${beside}\n${LOOPBACK}` }],
    ['beside sandboxes on a user network', { network, docker: beside }],
    ['in the network of the host', { network: 'host' }],
  ])('reaches sandboxes %s', async (_, options) => {
    await using server = await openContainedServer({ image: image?.tag ?? '', ...options });
    await server.waitHealthy();
    await liveOneLife({ ...server, useServerProxy: true });
    expect(await containersOf(server.instance)).toEqual([]);
  });
});

describe('the doctor of a server in a container', () => {
  const network = `opensandbox-test-${randomBytes(4).toString('hex')}`;
  const beside = `network_mode = "${network}"`;
  const name = ['--add-host', 'host.docker.internal:host-gateway'];

  beforeAll(() => docker('network', 'create', '--label', 'opensandbox-test=network', network));
  afterAll(async () => {
    await docker('network', 'rm', network);
    expect(await trialsLeft()).toBe('');
  });

  it.each<[string, Omit<ContainedOptions, 'image'>, string, RegExp]>([
    ['by the gateway', { network }, '(gateway)', /^a container answered at [\d.]+:\d+$/],
    [
      'by host.docker.internal',
      { network, flags: name },
      '(host.docker.internal)',
      /^a container answered at /,
    ],
    ['beside sandboxes', { network, docker: beside }, '(gateway)', /, and at its own address [\d.]+:44772$/],
    [
      'in the network of the host',
      { network: 'host' },
      'in the network of',
      /^a container answered at 127\./,
    ],
  ])('finds the way %s', async (_, options, place, reach) => {
    const found = await runContainedDoctor({ image: image?.tag ?? '', ...options });
    expect(found('place')).toMatchObject({
      status: 'ok',
      message: expect.stringContaining(place) as unknown,
    });
    expect(found('reach')).toMatchObject({ status: 'ok', message: expect.stringMatching(reach) as unknown });
  });

  it.each<[string, Omit<ContainedOptions, 'image'>, string, string]>([
    ['a host_ip that leads nowhere', { network, docker: 'host_ip = "192.0.2.1"' }, 'fail', 'docker.host_ip'],
    ["ports on the host's loopback", { network, docker: LOOPBACK }, 'fail', 'docker.publish_address'],
    [
      "ports on the host's loopback beside sandboxes",
      { network, docker: `${beside}\n${LOOPBACK}` },
      'warn',
      'docker.publish_address',
    ],
    ['an eip that leads nowhere', { network, server: 'eip = "192.0.2.1"' }, 'warn', 'server.eip'],
  ])('says what to set for %s', async (_, options, status, advice) => {
    const found = await runContainedDoctor({ image: image?.tag ?? '', ...options });
    expect(found('reach')).toMatchObject({ status, advice: expect.stringContaining(advice) as unknown });
  });
});
