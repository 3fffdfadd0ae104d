import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '@opensandbox/testkit';
import { ADMIN_TOKEN, installCustomResources } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient, ApiRequest } from '../src/index.ts';
import { follow, openTestCluster, PATIENT, ROOT, selectValue, valuesOf, writer } from './cluster-world.ts';
import { openTcpBetween } from './tcp-between.ts';

let cluster: Cluster;
let kubeconfig: string;

beforeAll(async () => {
  cluster = await openTestCluster();
  kubeconfig = await cluster.kubeconfig('admin', { port: cluster.port });
}, 600_000);

afterAll(async () => cluster[Symbol.asyncDispose]());

async function world(namespace: string) {
  const maps = writer(cluster, namespace);
  await maps.makeNamespace();
  return maps;
}

/** Tells the queries of lists, and does something before one of them is sent. */
function spied(seen: ApiRequest[], before: (request: ApiRequest, index: number) => Promise<unknown>) {
  return (client: ApiClient): ApiClient => ({
    ...client,
    call: async (request, signal) => {
      seen.push(request);
      await before(request, seen.length - 1);
      return client.call(request, signal);
    },
  });
}

describe('a cache of a real API server', () => {
  it('lists in pages, then sees what is created, changed and deleted', async () => {
    const maps = await world('pages');
    for (let index = 0; index < 16; index += 1) await maps.create(`first-${index}`, `${index}`);
    const lists: ApiRequest[] = [];
    const around = spied(lists, () => Promise.resolve());
    const options = { resource: maps.resource, select: selectValue };
    await using followed = follow({ kubeconfig, timing: { pageSize: 5 }, around }, options);
    const { cache } = followed;
    await cache.ready(AbortSignal.timeout(60_000));
    expect(cache.size).toBe(16);
    expect(lists.map(({ query }) => query?.['limit'])).toEqual([5, 5, 5, 5]);

    await maps.create('late', 'a');
    await expect.poll(() => cache.get({ namespace: 'pages', name: 'late' })?.value, PATIENT).toBe('a');
    await maps.change('late', 'b');
    await expect.poll(() => cache.get({ namespace: 'pages', name: 'late' })?.value, PATIENT).toBe('b');
    await maps.remove('late');
    await expect.poll(() => cache.get({ namespace: 'pages', name: 'late' }), PATIENT).toBeUndefined();
    expect(cache.health()).toMatchObject({ isSynced: true, lastError: undefined, objects: 16, lists: 1 });
  });

  it('loses neither a create nor a delete that lands while it lists', async () => {
    const maps = await world('during');
    for (const name of ['a', 'b', 'y', 'z']) await maps.create(name, 'old');
    const around = spied([], async (_request, index) => {
      // Both lie on the first page, which is read already.
      if (index === 1)
        await Promise.all([maps.create('aa', 'new'), maps.remove('a'), maps.change('b', 'new')]);
    });
    const options = { resource: maps.resource, select: selectValue };
    await using followed = follow({ kubeconfig, timing: { pageSize: 2 }, around }, options);
    await expect
      .poll(() => valuesOf(followed.cache), PATIENT)
      .toEqual({ aa: 'new', b: 'new', y: 'old', z: 'old' });
    expect(followed.cache.health().lists).toBe(1);
  });

  it('replaces a watch that went silent', async () => {
    const maps = await world('silent');
    await using between = await openTcpBetween(cluster.port);
    const path = await cluster.kubeconfig('silent', { port: between.port });
    const timing = { watchSeconds: 2, graceMs: 1_000 };
    const options = { resource: maps.resource, select: selectValue };
    await using followed = follow({ kubeconfig: path, timing }, options);
    await followed.cache.ready(AbortSignal.timeout(60_000));
    await maps.create('heard', '1');
    await expect.poll(() => valuesOf(followed.cache), PATIENT).toEqual({ heard: '1' });

    between.swallow();
    await maps.create('unheard', '2');
    await expect.poll(() => valuesOf(followed.cache), PATIENT).toEqual({ heard: '1', unheard: '2' });
    // The new watch went on where the old one stood.
    expect(followed.cache.health().lists).toBe(1);
  });

  it('says which right is missing, and goes on when it is granted', async () => {
    const maps = await world('rights');
    await maps.create('one', '1');
    const path = await cluster.kubeconfig('guest', { port: cluster.port, token: 'guest-token' });
    const options = { resource: maps.resource, select: selectValue };
    await using followed = follow({ kubeconfig: path }, options);
    await expect
      .poll(() => followed.cache.health().lastError, PATIENT)
      .toMatchObject({
        kind: 'forbidden',
        code: 'kubernetes.forbidden',
        message: expect.stringMatching(
          /"list configmaps": .*"guest" cannot list resource "configmaps"/,
        ) as string,
      });
    expect(followed.cache.health()).toMatchObject({ isSynced: false, ageMs: Infinity });
    expect(followed.log.count('kubernetes.follow_failed')).toBeGreaterThan(0);

    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/rights';
    const rule = { apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] };
    await cluster.api('POST', `${rbac}/roles`, { metadata: { name: 'read' }, rules: [rule] });
    await cluster.api('POST', `${rbac}/rolebindings`, {
      metadata: { name: 'read' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'read' },
      subjects: [{ kind: 'User', name: 'guest' }],
    });
    await expect.poll(() => valuesOf(followed.cache), PATIENT).toEqual({ one: '1' });
    await expect.poll(() => followed.cache.health().lastError, PATIENT).toBeUndefined();
  });

  it('waits for a kind that the cluster does not know yet', async () => {
    const resource = { group: 'sandbox.opensandbox.io', version: 'v1alpha1', plural: 'batchsandboxes' };
    const select = () => 'there';
    await using followed = follow({ kubeconfig }, { resource, select });
    await expect
      .poll(() => followed.cache.health().lastError, PATIENT)
      .toMatchObject({ kind: 'not_found', code: 'kubernetes.not_found' });
    await installCustomResources(cluster, ROOT);
    await followed.cache.ready(AbortSignal.timeout(60_000));
    const path = '/apis/sandbox.opensandbox.io/v1alpha1/namespaces/default/batchsandboxes';
    const kind = { apiVersion: 'sandbox.opensandbox.io/v1alpha1', kind: 'BatchSandbox' };
    await cluster.api('POST', path, { ...kind, metadata: { name: 'one' }, spec: {} });
    await expect.poll(() => valuesOf(followed.cache), PATIENT).toEqual({ one: 'there' });
  });

  it('reads the token file again when the API server refuses the token', async () => {
    const maps = await world('tokens');
    await maps.create('one', '1');
    const tokenFile = join(cluster.directory, 'token');
    await writeFile(tokenFile, 'no longer valid\n');
    const path = await cluster.kubeconfig('token-file', { port: cluster.port, tokenFile });
    const options = { resource: maps.resource, select: selectValue };
    await using followed = follow({ kubeconfig: path }, options);
    await expect
      .poll(() => followed.cache.health().lastError, PATIENT)
      .toMatchObject({ kind: 'unauthenticated', code: 'kubernetes.unauthenticated' });
    await writeFile(tokenFile, `${ADMIN_TOKEN}\n`);
    await expect.poll(() => valuesOf(followed.cache), PATIENT).toEqual({ one: '1' });
  });
});

describe('a cache whose API server goes away', () => {
  it('keeps what it knew, and notices deletions of the meantime', async () => {
    const maps = await world('outage');
    await using between = await openTcpBetween(cluster.port);
    const path = await cluster.kubeconfig('outage', { port: between.port });
    const options = { resource: maps.resource, select: selectValue };
    await maps.create('stays', '1');
    await maps.create('goes', '1');
    await using followed = follow({ kubeconfig: path }, options);
    const { cache } = followed;
    await expect.poll(() => valuesOf(cache), PATIENT).toEqual({ goes: '1', stays: '1' });

    await cluster.kill();
    await expect.poll(() => cache.health().lastError?.code, PATIENT).toBe('kubernetes.unavailable');
    expect(valuesOf(cache)).toEqual({ goes: '1', stays: '1' });
    expect(cache.health().isSynced).toBe(true);

    between.refuse();
    await cluster.start();
    await maps.remove('goes');
    await maps.create('new', '2');
    expect(valuesOf(cache)).toEqual({ goes: '1', stays: '1' });
    between.admit();
    await expect.poll(() => valuesOf(cache), PATIENT).toEqual({ new: '2', stays: '1' });
    await expect.poll(() => cache.health().lastError, PATIENT).toBeUndefined();
    expect(followed.log.count('kubernetes.follow_resumed')).toBeGreaterThan(0);
  }, 300_000);

  it('lists again when the history it would go on from is gone', async () => {
    const maps = await world('compacted');
    await using between = await openTcpBetween(cluster.port);
    const path = await cluster.kubeconfig('compacted', { port: between.port });
    // Without its own memory of events the server has to ask etcd, which forgets.
    await cluster.kill();
    await cluster.start({ flags: ['--watch-cache=false'] });
    await maps.create('goes', '1');
    const options = { resource: maps.resource, select: selectValue };
    await using followed = follow({ kubeconfig: path }, options);
    await expect.poll(() => valuesOf(followed.cache), PATIENT).toEqual({ goes: '1' });

    between.refuse();
    await maps.remove('goes');
    await maps.create('new', '2');
    await cluster.compact();
    between.admit();
    await expect.poll(() => valuesOf(followed.cache), PATIENT).toEqual({ new: '2' });
    expect(followed.log.count('kubernetes.relist')).toBeGreaterThan(0);
    expect(followed.cache.health().lists).toBe(2);
  }, 300_000);
});
