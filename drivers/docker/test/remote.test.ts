import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Observation } from '@opensandbox/core/ports';
import { captureLog, sampleRecord, shows, watchEvents } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { farEngineHost } from '../src/index.ts';
import { busyboxSpec, HAS_ENGINE, openDockerTest, temporaryDirectory } from './docker-harness.ts';
import type { DockerTest, DockerTestOptions } from './docker-harness.ts';
import { openFarHost } from './far-host.ts';
import type { FarHost } from './far-host.ts';
import { CAN_OWN_ENGINE, openOwnEngine } from './own-engine.ts';
import type { OwnEngine } from './own-engine.ts';

const { signal } = new AbortController();
const PORT = 2375;
const SERVES = { entrypoint: ['httpd', '-f', '-p', '8080'] };

describe.skipIf(!HAS_ENGINE || !CAN_OWN_ENGINE)('an engine on another host', { timeout: 120_000 }, () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let far: FarHost;
  let engine: OwnEngine;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    far = await openFarHost();
    engine = await openOwnEngine(directory.path, { through: far.through, hosts: [`tcp://0.0.0.0:${PORT}`] });
  }, 120_000);

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await far[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const open = (options: DockerTestOptions = {}, variables = {}): Promise<DockerTest> => {
    const env = { DOCKER_HOST: `tcp://${far.address}:${PORT}`, ...variables };
    return openDockerTest({ socket: engine.socket, deps: { env }, ...options });
  };

  async function start(
    test: DockerTest,
  ): Promise<{ readonly seen: Observation; readonly end: () => Promise<void> }> {
    const record = sampleRecord({ spec: busyboxSpec(SERVES) });
    const seen = await test.driver.create(record, () => undefined, signal);
    const end = async (): Promise<void> => {
      await test.driver.destroy(record.id, signal);
    };
    return { seen, end };
  }

  it('publishes ports where this server reaches them, and warns of it', async () => {
    const log = captureLog();
    await using test = await open({ log });
    const { seen, end } = await start(test);
    expect(seen.reach).toMatchObject({ kind: 'mapped', host: far.address });
    await dial(seen);
    expect(log.lines.find(({ event }) => event === 'docker.publishing')).toMatchObject({
      level: 'warn',
      fields: { address: '0.0.0.0', note: expect.stringContaining('publish_address') as unknown },
    });
    await end();
  });

  it('publishes at the address that is configured, and is dialled there', async () => {
    const log = captureLog();
    await using test = await open({ log, section: { publish_address: far.otherAddress } });
    const { seen, end } = await start(test);
    expect(seen.reach).toMatchObject({ host: far.otherAddress });
    await dial(seen);
    expect(log.count('docker.publishing')).toBe(0);
    await end();
  });

  it('is dialled at docker.host_ip when that is another address than the one it is asked at', async () => {
    await using test = await open({ section: { host_ip: far.otherAddress } });
    const { seen, end } = await start(test);
    expect(seen.reach).toMatchObject({ host: far.otherAddress });
    await dial(seen);
    await end();
  });

  it('warns of a publish address that this server cannot reach', async () => {
    const log = captureLog();
    await using test = await open({ log, section: { publish_address: '127.0.0.1' } });
    expect(test.driver.name).toBe('docker');
    const line = log.lines.find(({ event }) => event === 'docker.publishing');
    expect(line?.fields['note']).toMatch(/cannot reach/);
  });

  it('is found again when the network was away', async () => {
    await using test = await open({ section: { api_timeout: 2 } });
    const { seen, end } = await start(test);
    const life = new AbortController();
    const lost = (async () => {
      for await (const event of test.driver.observe(life.signal)) {
        if (event.type === 'snapshot') await far.setLink('down');
      }
    })();
    const away = { kind: expect.stringMatching(/^(unavailable|timeout)$/) as unknown };
    await expect(lost).rejects.toMatchObject(away);
    await expect(test.driver.inspect(seen.id, signal)).rejects.toMatchObject(away);
    await far.setLink('up');
    const news = watchEvents(test.driver, 20_000);
    await news.until(
      'the sandbox',
      shows(seen.id, ({ phase }) => phase === 'running'),
    );
    await news.stop();
    await dial(seen);
    await end();
  });

  it('says so when it does not speak the TLS that is asked for', async () => {
    const opening = open({}, { DOCKER_TLS_VERIFY: '1' });
    await expect(opening).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('does not speak TLS') as unknown,
    });
  });

  it('speaks the API version that the environment asks for', async () => {
    const log = captureLog();
    await using test = await open({ log }, { DOCKER_API_VERSION: '1.40' });
    const { end } = await start(test);
    await end();
    expect(log.count('docker.api_version_refused')).toBe(0);
    await using other = await open({ log }, { DOCKER_API_VERSION: '1.99' });
    expect(other.driver.name).toBe('docker');
    const refused = log.lines.find(({ event }) => event === 'docker.api_version_refused');
    expect(refused?.fields).toEqual({ wanted: '1.99', speaks: '1.41' });
  });

  it('tells clients its own host', async () => {
    const env = { DOCKER_HOST: `tcp://${far.address}:${PORT}` };
    expect(await farEngineHost(env, undefined)).toBe(far.address);
    expect(await farEngineHost(env, '10.1.2.3')).toBe('10.1.2.3');
    expect(await farEngineHost({ DOCKER_HOST: 'tcp://[fd00::5]:1' }, undefined)).toBe('[fd00::5]');
    expect(await farEngineHost({ DOCKER_HOST: 'tcp://127.0.0.1:1' }, undefined)).toBeUndefined();
    expect(await farEngineHost({ DOCKER_HOST: 'unix:///x.sock' }, '10.1.2.3')).toBeUndefined();
  });
});

it('says so when what answers is no engine', async () => {
  const server = createServer((_request, response) => response.end('<html>hello</html>')).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    const opening = openDockerTest({ deps: { env: { DOCKER_HOST: `tcp://127.0.0.1:${port}` } } });
    await expect(opening).rejects.toThrow(
      `is no Docker engine. Check the address. (tcp://127.0.0.1:${port})`,
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

/** The sandbox's server may take a moment to listen. */
async function dial({ reach }: Observation): Promise<void> {
  if (reach.kind !== 'mapped') throw new Error(`there is nothing to dial: ${reach.kind}`);
  const latest = Date.now() + 10_000;
  for (;;) {
    const answer = await fetch(`http://${reach.host}:${reach.ports[8080] ?? 0}/`).catch(() => undefined);
    if (answer !== undefined) return;
    if (Date.now() > latest) throw new Error('nobody answers');
    await wait(50);
  }
}
