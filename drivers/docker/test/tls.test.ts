import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isFault } from '@opensandbox/base';
import { sampleRecord } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest, temporaryDirectory } from './docker-harness.ts';
import type { DockerTest } from './docker-harness.ts';
import { openFarHost } from './far-host.ts';
import type { FarHost } from './far-host.ts';
import { CAN_OWN_ENGINE, openOwnEngine } from './own-engine.ts';
import type { OwnEngine } from './own-engine.ts';
import type { Authority } from './tls-authority.ts';
import { makeAuthority } from './tls-authority.ts';

const { signal } = new AbortController();
const PORT = 2376;
/** Of a port of this number TLS is expected only when it is asked for. */
const ODD_PORT = 2475;

describe.skipIf(!HAS_ENGINE || !CAN_OWN_ENGINE)('an engine behind TLS', { timeout: 120_000 }, () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let far: FarHost;
  let engine: OwnEngine;
  let authority: Authority;
  let stranger: Authority;

  const path = (...names: readonly string[]): string => join(directory.path, ...names);

  beforeAll(async () => {
    directory = await temporaryDirectory();
    far = await openFarHost();
    authority = await makeAuthority(directory.path, 'authority');
    stranger = await makeAuthority(directory.path, 'stranger');
    await authority.issue({ directory: path('server'), name: 'engine', for: `IP:${far.address}` });
    await authority.issue({ directory: path('client'), name: 'client' });
    engine = await openOwnEngine(directory.path, {
      through: far.through,
      hosts: [PORT, ODD_PORT].map((port) => `tcp://0.0.0.0:${port}`),
      config: {
        tlsverify: true,
        tlscacert: path('server/ca.pem'),
        tlscert: path('server/cert.pem'),
        tlskey: path('server/key.pem'),
      },
    });
  }, 120_000);

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await far[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  interface Attempt {
    readonly certificates?: string;
    readonly host?: string;
    readonly port?: number;
    readonly variables?: Readonly<Record<string, string>>;
  }

  function open({
    certificates = 'client',
    host = far.address,
    port = PORT,
    variables,
  }: Attempt = {}): Promise<DockerTest> {
    const env = {
      DOCKER_HOST: `tcp://${host}:${port}`,
      ...(variables ?? { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: path(certificates) }),
    };
    return openDockerTest({ socket: engine.socket, deps: { env } });
  }

  async function refusal(attempt: Attempt): Promise<string> {
    const error = await open(attempt).then(
      async (test) => {
        await test[Symbol.asyncDispose]();
        throw new Error('it was taken');
      },
      (reason: unknown) => reason,
    );
    if (!isFault(error)) throw error;
    expect(error.message).not.toContain('PRIVATE KEY');
    return `${error.kind} ${error.code}: ${error.message}`;
  }

  async function withServerCertificate(name: string, work: () => Promise<void>): Promise<void> {
    const swap = async (from: string): Promise<void> => {
      await engine.stop();
      for (const file of ['cert.pem', 'key.pem']) await copyFile(path(from, file), path('server', file));
      await engine.start();
    };
    await copyFile(path('server/cert.pem'), path('kept-cert.pem'));
    await copyFile(path('server/key.pem'), path('kept-key.pem'));
    await swap(name);
    try {
      await work();
    } finally {
      await engine.stop();
      await copyFile(path('kept-cert.pem'), path('server/cert.pem'));
      await copyFile(path('kept-key.pem'), path('server/key.pem'));
      await engine.start();
    }
  }

  it('runs sandboxes, and tells where their ports are', async () => {
    await using test = await open();
    const record = sampleRecord({ spec: busyboxSpec() });
    const seen = await test.driver.create(record, () => undefined, signal);
    expect(seen).toMatchObject({ phase: 'running', reach: { kind: 'mapped', host: far.address } });
    await test.driver.destroy(record.id, signal);
    expect(await test.leftovers()).toEqual([]);
  });

  it('says so when it is signed by a stranger', async () => {
    await stranger.issue({ directory: path('other'), name: 'client' });
    await copyFile(path('client/cert.pem'), path('other/cert.pem'));
    await copyFile(path('client/key.pem'), path('other/key.pem'));
    expect(await refusal({ certificates: 'other' })).toMatch(
      /^unavailable engine.unavailable: .*not signed by an authority.*ca\.pem.*\(tcp:\/\/10\./,
    );
  });

  it('says so when it does not take the certificate that it is shown', async () => {
    await stranger.issue({ directory: path('unknown'), name: 'client' });
    await copyFile(authority.certificate, path('unknown/ca.pem'));
    expect(await refusal({ certificates: 'unknown' })).toMatch(/^unavailable .*does not accept.*cert\.pem/);
  });

  it('says so when it is shown none', async () => {
    const variables = { DOCKER_TLS: '1', HOME: directory.path };
    expect(await refusal({ variables })).toMatch(/^unavailable .*does not accept.*cert\.pem/);
  });

  it('says so when the certificate that it is shown has expired', async () => {
    await authority.issue({ directory: path('late'), name: 'client', days: -1 });
    expect(await refusal({ certificates: 'late' })).toMatch(
      /^unavailable .*(has expired|does not accept).*cert\.pem/,
    );
  });

  it('says so when it is called by another name than its own', async () => {
    expect(await refusal({ host: far.otherAddress })).toMatch(/^unavailable .*is for another host/);
  });

  it('says so when its certificate has expired', async () => {
    const wish = { directory: path('stale'), name: 'engine', for: `IP:${far.address}`, days: -1 };
    await authority.issue(wish);
    await withServerCertificate('stale', async () => {
      expect(await refusal({})).toMatch(/^unavailable .*certificate has expired.*clocks/);
    });
  });

  it('says so when it is spoken to without TLS', async () => {
    expect(await refusal({ port: ODD_PORT, variables: {} })).toMatch(/DOCKER_TLS_VERIFY=1/);
  });

  it('is found again when it was away', async () => {
    await using test = await open();
    const record = sampleRecord({ spec: busyboxSpec() });
    await test.driver.create(record, () => undefined, signal);
    await engine.stop();
    await expect(test.driver.inspect(record.id, signal)).rejects.toMatchObject({ kind: 'unavailable' });
    await engine.start();
    expect(await test.driver.inspect(record.id, signal)).toMatchObject({ phase: 'exited' });
    await test.driver.destroy(record.id, signal);
  });
});

describe('TLS files that cannot work', () => {
  const read = async (spoil: (directory: string) => Promise<void>): Promise<string> => {
    await using directory = await temporaryDirectory();
    const authority = await makeAuthority(directory.path, 'authority');
    const client = join(directory.path, 'client');
    await authority.issue({ directory: client, name: 'client' });
    await authority.issue({ directory: join(directory.path, 'other'), name: 'other' });
    await spoil(client);
    const env = { DOCKER_HOST: 'tcp://127.0.0.1:1', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: client };
    const error = await openDockerTest({ deps: { env } }).catch((reason: unknown) => reason);
    if (!isFault(error, 'invalid')) throw error;
    expect(error.message).not.toContain('PRIVATE KEY');
    return error.message;
  };

  it.each([
    ['a missing key', (client: string) => rm(join(client, 'key.pem')), /key\.pem cannot be read \(ENOENT\)/],
    [
      'a certificate that is none',
      (client: string) => writeFile(join(client, 'cert.pem'), 'x'),
      /cert\.pem holds no certificate/,
    ],
    [
      'an authority that is none',
      (client: string) => writeFile(join(client, 'ca.pem'), 'x'),
      /ca\.pem holds no certificate/,
    ],
    [
      'a key that is none',
      (client: string) => copyFile(join(client, 'cert.pem'), join(client, 'key.pem')),
      /key\.pem holds no private key/,
    ],
    [
      'the key of another certificate',
      (client: string) => copyFile(join(client, '../other/key.pem'), join(client, 'key.pem')),
      /do not belong together/,
    ],
  ] as const)('are refused at the start: %s', async (_what, spoil, expected) => {
    expect(await read(spoil)).toMatch(expected);
  });
});
