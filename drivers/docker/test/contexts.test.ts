import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConnection } from '../src/engine/connection.ts';
import { temporaryDirectory } from './docker-harness.ts';
import { makeAuthority } from './tls-authority.ts';

const run = promisify(execFile);

describe('Docker contexts', () => {
  let home: Awaited<ReturnType<typeof temporaryDirectory>>;

  beforeEach(async () => {
    home = await temporaryDirectory();
  });
  afterEach(() => home[Symbol.asyncDispose]());

  const env = (change: Readonly<Record<string, string>> = {}) => ({ DOCKER_CONFIG: home.path, ...change });

  async function writeContext(name: string, docker: object): Promise<string> {
    const id = createHash('sha256').update(name).digest('hex');
    const meta = join(home.path, 'contexts/meta', id);
    await mkdir(meta, { recursive: true });
    const text = { Name: name, Metadata: {}, Endpoints: { docker } };
    await writeFile(join(meta, 'meta.json'), JSON.stringify(text));
    return join(home.path, 'contexts/tls', id, 'docker');
  }

  const writeConfig = (config: unknown): Promise<void> =>
    writeFile(join(home.path, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));

  it('leads to the usual socket where nothing is configured', () => {
    expect(readConnection(env())).toMatchObject({ socketPath: '/var/run/docker.sock', isChosen: false });
  });

  it('are chosen in the order of the Docker CLI', async () => {
    await writeContext('one', { Host: 'tcp://one:2375' });
    await writeContext('two', { Host: 'ssh://me@two' });
    await writeConfig({ currentContext: 'one', auths: {} });
    expect(readConnection(env()).host).toBe('one');
    expect(readConnection(env({ DOCKER_CONTEXT: 'two' }))).toMatchObject({
      protocol: 'ssh',
      host: 'two',
      isChosen: true,
      name: "ssh://two, DOCKER_CONTEXT 'two'",
    });
    expect(readConnection(env({ DOCKER_CONTEXT: 'two', DOCKER_HOST: 'tcp://three:1' })).host).toBe('three');
    expect(readConnection(env({ DOCKER_CONTEXT: 'default' })).socketPath).toBe('/var/run/docker.sock');
  });

  it('are read as the Docker CLI writes them', async () => {
    const authority = await makeAuthority(home.path, 'authority');
    const own = join(home.path, 'own');
    await authority.issue({ directory: own, name: 'client' });
    const files = ['ca', 'cert', 'key'].map((name) => `${name}=${join(own, name)}.pem`);
    const docker = (...args: readonly string[]): Promise<unknown> =>
      run('docker', ['--config', home.path, 'context', ...args]);
    await docker('create', 'safe', '--docker', ['host=tcp://safe.example:2376', ...files].join(','));
    await docker('create', 'far', '--docker', 'host=ssh://me@far.example');
    await docker('use', 'safe');
    expect(readConnection(env())).toMatchObject({
      protocol: 'https',
      host: 'safe.example',
      tls: { verify: true, files: { ca: await readFile(authority.certificate) } },
    });
    expect(readConnection(env({ DOCKER_CONTEXT: 'far' }))).toMatchObject({ protocol: 'ssh', username: 'me' });
    await docker('use', 'default');
    expect(readConnection(env()).isChosen).toBe(false);
  });

  it('bring their own certificates, or do without verification', async () => {
    const authority = await makeAuthority(home.path, 'authority');
    const tlsDirectory = await writeContext('safe', { Host: 'tcp://safe:2376', SkipTLSVerify: false });
    await authority.issue({ directory: tlsDirectory, name: 'client' });
    expect(readConnection(env({ DOCKER_CONTEXT: 'safe' }))).toMatchObject({
      protocol: 'https',
      port: 2376,
      tls: { verify: true, files: { ca: expect.any(Buffer) as unknown, key: expect.any(Buffer) as unknown } },
    });
    await writeContext('lax', { Host: 'tcp://lax', SkipTLSVerify: true });
    expect(readConnection(env({ DOCKER_CONTEXT: 'lax' }))).toMatchObject({
      protocol: 'https',
      port: 2376,
      tls: { verify: false, files: {} },
    });
  });

  it('do not get the certificates of the variables', async () => {
    await writeContext('plain', { Host: 'tcp://plain:2375' });
    const variables = { DOCKER_CONTEXT: 'plain', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/nowhere' };
    expect(readConnection(env(variables))).toMatchObject({ protocol: 'http', tls: undefined });
  });

  it('are named, with their file, when they are not there', () => {
    const id = createHash('sha256').update('gone').digest('hex');
    expect(() => readConnection(env({ DOCKER_CONTEXT: 'gone' }))).toThrow(
      `There is no Docker context 'gone': ${home.path}/contexts/meta/${id}/meta.json cannot be read.`,
    );
  });

  it('are refused when their files make no sense, without a word of what is in them', async () => {
    await writeConfig('{"auths": {"r": {"auth": "hunter2"}}, broken');
    const read = (): unknown => readConnection(env());
    expect(read).toThrow(`${home.path}/config.json is not valid JSON`);
    expect(read).not.toThrow(/hunter2/);
    await writeContext('kube', undefined as unknown as object);
    expect(() => readConnection(env({ DOCKER_CONTEXT: 'kube' }))).toThrow("'kube' names no engine");
    await writeContext('odd', { Host: 'what is this' });
    expect(() => readConnection(env({ DOCKER_CONTEXT: 'odd' }))).toThrow(
      "DOCKER_CONTEXT 'odd' is not an address",
    );
  });
});
