import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@opensandbox/base';
import type { Cluster } from '@opensandbox/testkit';
import { ADMIN_TOKEN } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiClient } from '../src/index.ts';
import type { ConfigSource } from '../src/index.ts';
import { openTestCluster, PATIENT } from './cluster-world.ts';

let cluster: Cluster;
const signal = AbortSignal.timeout(600_000);

beforeAll(async () => {
  cluster = await openTestCluster();
}, 600_000);

afterAll(async () => cluster[Symbol.asyncDispose]());

async function namespaces(source: ConfigSource): Promise<unknown> {
  using client = openApiClient({ source }, systemClock());
  return await client.call({ path: '/api/v1/namespaces', what: 'list namespaces' }, signal);
}

const LIST = expect.objectContaining({ kind: 'NamespaceList' }) as unknown;

async function kubeconfig(name: string, user: unknown, change: Readonly<Record<string, unknown>> = {}) {
  const path = join(cluster.directory, name);
  const settings = { server: cluster.server, 'certificate-authority': 'ca.pem', ...change };
  const text = JSON.stringify({
    clusters: [{ name: 'c', cluster: settings }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
  await writeFile(path, text);
  return { from: 'files', paths: [path] } as const;
}

describe('the credentials of a client', () => {
  it('come from the service account of a pod, and are read again when they were replaced', async () => {
    const directory = join(cluster.directory, 'account');
    await mkdir(directory);
    await copyFile(cluster.authority, join(directory, 'ca.crt'));
    await writeFile(join(directory, 'token'), 'of yesterday');
    const source = { from: 'service_account', server: cluster.server, directory } as const;
    using client = openApiClient({ source }, systemClock());
    const list = () => client.call({ path: '/api/v1/namespaces', what: 'list namespaces' }, signal);
    await expect(list()).rejects.toMatchObject({ code: 'kubernetes.unauthenticated' });
    await writeFile(join(directory, 'token'), ADMIN_TOKEN);
    expect(await list()).toEqual(LIST);
    expect(await list()).toEqual(LIST);
  });

  it('come from a plugin that a kubeconfig names', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1beta1',
      kind: 'ExecCredential',
      status: { token: ADMIN_TOKEN },
    };
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1beta1',
      command: process.execPath,
      args: ['-e', `process.stdout.write(${JSON.stringify(JSON.stringify(credential))})`],
    };
    expect(await namespaces(await kubeconfig('plugin', { exec }))).toEqual(LIST);
    const failing = await kubeconfig('bad-plugin', {
      exec: { ...exec, command: '/nonexistent/plugin', args: [] },
    });
    await expect(namespaces(failing)).rejects.toMatchObject({ code: 'kubernetes.config' });
  });

  it('wait no longer for a plugin that hangs than the request may take, and start it once', async () => {
    const started = join(cluster.directory, 'started');
    const script = `fs.appendFileSync(${JSON.stringify(started)}, process.pid + ' '); setInterval(() => {}, 1e6)`;
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1beta1',
      command: process.execPath,
      args: ['-e', script],
    };
    using client = openApiClient({ source: await kubeconfig('hanging', { exec }) }, systemClock());
    const ask = () => client.call({ path: '/api', what: 'look', timeoutMs: 200 }, signal);
    await expect(ask()).rejects.toMatchObject({ kind: 'timeout', code: 'kubernetes.timeout' });
    await expect(ask()).rejects.toMatchObject({ kind: 'timeout' });
    const pids = async (): Promise<string[]> =>
      (await readFile(started, 'utf8').catch(() => '')).split(' ').filter((pid) => pid !== '');
    await expect.poll(pids, PATIENT).toHaveLength(1);
    const [pid] = await pids();
    process.kill(Number(pid), 'SIGKILL');
    await expect.poll(() => existsSync(`/proc/${pid ?? ''}`), PATIENT).toBe(false);
    expect(await pids()).toHaveLength(1);
  });

  it('come from several kubeconfigs, of which the first that says something wins', async () => {
    const first = join(cluster.directory, 'first');
    await writeFile(first, JSON.stringify({ users: [{ name: 'u', user: { token: ADMIN_TOKEN } }] }));
    const second = await kubeconfig('second', { token: 'wrong' });
    await expect(namespaces(second)).rejects.toMatchObject({ code: 'kubernetes.unauthenticated' });
    expect(await namespaces({ from: 'files', paths: [first, ...second.paths] })).toEqual(LIST);
  });

  it('are not sent to a server with a certificate of somebody else', async () => {
    const source = await kubeconfig(
      'stranger',
      { token: ADMIN_TOKEN },
      { 'certificate-authority': undefined },
    );
    await expect(namespaces(source)).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'kubernetes.unavailable',
    });
    const careless = { 'certificate-authority': undefined, 'insecure-skip-tls-verify': true };
    expect(await namespaces(await kubeconfig('careless', { token: ADMIN_TOKEN }, careless))).toEqual(LIST);
  });

  it.each([
    ['no file', '/nonexistent/kubeconfig'],
    ['a context that is not there', 'dangling'],
    ['something else than YAML', 'garbage'],
  ])('say which kubeconfig cannot be used: %s', async (_what, name) => {
    const path = join(cluster.directory, name);
    const source = { from: 'files', paths: [name.startsWith('/') ? name : path] } as const;
    if (name === 'dangling') await writeFile(path, JSON.stringify({ 'current-context': 'gone' }));
    if (name === 'garbage') await writeFile(path, '{ not: [yaml');
    using client = openApiClient({ source }, systemClock());
    await expect(client.prepare()).rejects.toMatchObject({ kind: 'invalid', code: 'kubernetes.config' });
  });
});
