import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isFault } from '@opensandbox/base';
import { sampleRecord, shows, watchEvents } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest, temporaryDirectory } from './docker-harness.ts';
import type { DockerTest } from './docker-harness.ts';
import { openFarHost } from './far-host.ts';
import type { FarHost } from './far-host.ts';
import { CAN_OWN_ENGINE, openOwnEngine } from './own-engine.ts';
import type { OwnEngine } from './own-engine.ts';
import { childrenOf, HAS_SSHD, openSshServer } from './ssh-server.ts';
import type { SshServer } from './ssh-server.ts';

const { signal } = new AbortController();
const PORT = 2222;
const CAN_RUN = HAS_ENGINE && CAN_OWN_ENGINE && HAS_SSHD;

describe.skipIf(!CAN_RUN)('an engine behind ssh', { timeout: 120_000 }, () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let far: FarHost;
  let engine: OwnEngine;
  let server: SshServer;
  const ownPath = process.env['PATH'];

  beforeAll(async () => {
    directory = await temporaryDirectory();
    far = await openFarHost();
    engine = await openOwnEngine(directory.path, { through: far.through });
    const { address, through } = far;
    server = await openSshServer({
      directory: directory.path,
      address,
      port: PORT,
      through,
      dockerHost: `unix://${engine.socket}`,
    });
    process.env['PATH'] = `${server.programs}:${ownPath ?? ''}`;
  }, 120_000);

  afterAll(async () => {
    process.env['PATH'] = ownPath;
    await server[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await far[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const open = (address: string): Promise<DockerTest> =>
    openDockerTest({ socket: engine.socket, deps: { env: { DOCKER_HOST: `ssh://${address}` } } });

  async function refusal(address: string): Promise<string> {
    const error = await open(address).catch((reason: unknown) => reason);
    if (!isFault(error)) throw new Error('it was taken', { cause: error });
    return `${error.kind} ${error.code}: ${error.message}`;
  }

  it('runs sandboxes, and tells where their ports are', async () => {
    await using test = await open(server.names.usual);
    const record = sampleRecord({ spec: busyboxSpec() });
    const seen = await test.driver.create(record, () => undefined, signal);
    expect(seen).toMatchObject({ phase: 'running', reach: { kind: 'mapped', host: far.address } });
    const news = watchEvents(test.driver, 10_000);
    await news.until(
      'the sandbox',
      shows(record.id, ({ phase }) => phase === 'running'),
    );
    await test.driver.destroy(record.id, signal);
    await news.stop();
    expect(await test.leftovers()).toEqual([]);
  });

  it('is asked at the socket that the address names', async () => {
    await using test = await open(`root@${server.names.usual}${engine.socket}`);
    expect(await test.driver.inspect(sampleRecord().id, signal)).toBeUndefined();
    expect(await refusal(`${server.names.usual}/nowhere.sock`)).toMatch(
      /^unavailable engine.unavailable: The Docker CLI on .* does not reach the engine.*ssh said: .*nowhere\.sock/i,
    );
  });

  it('keeps a few connections for all its calls, and no process when it is closed', async () => {
    const before = await server.logins();
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', onWarning);
    const test = await open(server.names.usual);
    for (let round = 0; round < 10; round += 1) await test.driver.inspect(sampleRecord().id, signal);
    await Promise.all(Array.from({ length: 20 }, () => test.driver.inspect(sampleRecord().id, signal)));
    expect((await server.logins()) - before).toBeLessThanOrEqual(8);
    expect((await sshProcesses()).length).toBeGreaterThan(0);
    await test[Symbol.asyncDispose]();
    await until(async () => (await sshProcesses()).length === 0);
    process.removeListener('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('is left alone by a driver that was killed', async () => {
    await until(async () => (await server.connections()) === 0);
    const script = fileURLToPath(new URL('driver-process.ts', import.meta.url));
    const env = { ...process.env, DOCKER_HOST: `ssh://${server.names.usual}` };
    const driver = spawn(process.execPath, ['--import', 'tsx', script], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(driver.stdout, 'data');
    expect(await server.connections()).toBeGreaterThan(0);
    driver.kill('SIGKILL');
    await until(async () => (await server.connections()) === 0);
  });

  it('is found again when its connections were lost', async () => {
    await using test = await open(server.names.usual);
    const record = sampleRecord({ spec: busyboxSpec() });
    await test.driver.create(record, () => undefined, signal);
    const lost = (async () => {
      for await (const event of test.driver.observe(signal)) {
        if (event.type === 'snapshot') await server.dropConnections();
      }
    })();
    await expect(lost).rejects.toMatchObject({ kind: 'unavailable', code: 'engine.unavailable' });
    const news = watchEvents(test.driver, 10_000);
    await news.until(
      'the sandbox',
      shows(record.id, ({ phase }) => phase === 'running'),
    );
    await news.stop();
    await test.driver.destroy(record.id, signal);
  });

  it.each([
    ['keyless', /ssh does not reach.*\(ssh:\/\/keyless\) ssh said: root@\S+ Permission denied \(publickey\)/],
    ['unknown', /ssh does not reach.*known_hosts.*ssh said: Host key verification failed\./],
    ['nowhere', /ssh does not reach.*ssh said: ssh: connect to host \S+ port 1: Connection refused/],
    ['cliLess', /There is no Docker CLI.*ssh said: .*docker.* not found/],
  ] as const)('says what is wrong with a host that is %s, in the words of ssh', async (name, expected) => {
    const told = await refusal(server.names[name]);
    expect(told).toMatch(/^unavailable engine.unavailable: /);
    expect(told).toMatch(expected);
  });

  it('says so when there is no ssh program', async () => {
    process.env['PATH'] = '/nowhere';
    try {
      const opening = openDockerTest({ deps: { env: { DOCKER_HOST: 'ssh://far' } } });
      await expect(opening).rejects.toThrow(/ssh program.*Install openssh-client/);
    } finally {
      process.env['PATH'] = `${server.programs}:${ownPath ?? ''}`;
    }
  });
});

async function sshProcesses(): Promise<readonly number[]> {
  const found: number[] = [];
  for (const pid of await childrenOf(process.pid)) {
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    if (name.trim() === 'ssh') found.push(pid);
  }
  return found;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const latest = Date.now() + 10_000;
  while (!(await isSo())) {
    if (Date.now() > latest) throw new Error('it does not come to pass');
    await wait(20);
  }
}
