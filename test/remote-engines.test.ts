import { ConnectionConfig, Sandbox } from '@alibaba-group/opensandbox';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFarHost } from '../drivers/docker/test/far-host.ts';
import type { FarHost } from '../drivers/docker/test/far-host.ts';
import { CAN_OWN_ENGINE, openOwnEngine } from '../drivers/docker/test/own-engine.ts';
import type { OwnEngine } from '../drivers/docker/test/own-engine.ts';
import { HAS_SSHD, openSshServer } from '../drivers/docker/test/ssh-server.ts';
import type { SshServer } from '../drivers/docker/test/ssh-server.ts';
import { docker } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';

const IMAGE = 'opensandbox-test/busybox:latest';
const ENTRY = join(
  resolve(dirname(fileURLToPath(import.meta.url)), '..'),
  'apps/server/bin/opensandbox-server.js',
);
const CONTEXT = 'far';

interface Finding {
  readonly check: string;
  readonly status: string;
  readonly message: string;
}

describe.skipIf(!CAN_OWN_ENGINE || !HAS_SSHD)('an engine that a Docker context reaches over ssh', () => {
  let directory: string;
  let far: FarHost;
  let engine: OwnEngine;
  let ssh: SshServer;
  let server: ServerProcess;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'opensandbox-remote-'));
    far = await openFarHost();
    engine = await openOwnEngine(directory, { through: far.through });
    const { address, through } = far;
    ssh = await openSshServer({
      directory,
      address,
      port: 2222,
      through,
      dockerHost: `unix://${engine.socket}`,
    });
    await writeContext(directory, `ssh://${ssh.names.usual}`);
    env = {
      DOCKER_HOST: '',
      DOCKER_CONFIG: directory,
      PATH: `${ssh.programs}:${process.env['PATH'] ?? ''}`,
    };
    server = await openServer({ env });
    await server.start();
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await ssh[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await far[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const listed = (): Promise<string> =>
    docker(
      '-H',
      `unix://${engine.socket}`,
      'ps',
      '-aq',
      '--filter',
      `label=opensandbox.io/instance=${server.instance}`,
    );

  it.each([
    ['straight to the sandbox', false],
    ['through the server proxy', true],
  ])('serves the official SDK, %s', async (_way, useServerProxy) => {
    const connectionConfig = new ConnectionConfig({
      domain: server.domain,
      apiKey: server.apiKey,
      useServerProxy,
    });
    const sandbox = await Sandbox.create({ connectionConfig, image: IMAGE, timeoutSeconds: 120 });
    const { endpoint } = await sandbox.getEndpoint(44_772);
    expect(endpoint.startsWith(useServerProxy ? server.domain : `${far.address}:`)).toBe(true);
    const { logs, exitCode } = await sandbox.commands.run('echo from far away');
    expect([exitCode, logs.stdout.map(({ text }) => text)]).toEqual([0, ['from far away']]);
    await sandbox.pause();
    expect((await sandbox.getInfo()).status.state).toBe('Paused');
    await sandbox.kill();
    await sandbox.close();
    await expect.poll(listed, { timeout: 20_000 }).toBe('');
  });

  async function run(
    args: readonly string[],
    change = {},
  ): Promise<{ readonly code: number; readonly text: string }> {
    const options = { env: { ...process.env, HOME: directory, ...env, ...change }, timeout: 60_000 };
    const command = [ENTRY, '--config', join(server.home, 'config.toml'), ...args];
    return new Promise((done) => {
      execFile(process.execPath, command, options, (error, stdout, stderr) =>
        done({ code: error === null ? 0 : Number(error.code ?? 1), text: stdout + stderr }),
      );
    });
  }

  async function findEngine(change = {}): Promise<Finding | undefined> {
    const { text } = await run(['doctor', '--json'], change);
    const { findings } = JSON.parse(text) as { readonly findings: readonly Finding[] };
    return findings.find(({ check }) => check === 'engine');
  }

  it('is found by the doctor, who says where it is', async () => {
    const finding = await findEngine();
    expect(finding).toMatchObject({ status: 'ok' });
    expect(JSON.stringify(finding)).toContain("ssh://engine, the current context 'far'");
  });

  it('is told apart by the doctor from what is wrong with it', async () => {
    expect(JSON.stringify(await findEngine({ DOCKER_CONTEXT: 'gone' }))).toMatch(
      /"fail".*no Docker context 'gone'.*meta\.json/,
    );
    expect(JSON.stringify(await findEngine({ DOCKER_HOST: `ssh://${ssh.names.keyless}` }))).toMatch(
      /"fail".*ssh said: .*Permission denied/,
    );
  });

  it('is what the quickstart takes, or says why not', async () => {
    expect((await run(['quickstart'], { OPENSANDBOX_DEMO_IMAGE: IMAGE })).text).toContain(
      "the current context 'far'",
    );
    const refused = await run(['quickstart'], { DOCKER_CONTEXT: 'gone' });
    expect(refused.code).toBe(1);
    expect(refused.text).toContain("no Docker context 'gone'");
  });
});

async function writeContext(directory: string, host: string): Promise<void> {
  const meta = join(directory, 'contexts/meta', createHash('sha256').update(CONTEXT).digest('hex'));
  await mkdir(meta, { recursive: true });
  const text = { Name: CONTEXT, Metadata: {}, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } };
  await writeFile(join(meta, 'meta.json'), JSON.stringify(text));
  await writeFile(join(directory, 'config.json'), JSON.stringify({ currentContext: CONTEXT }));
}
