import { resolve } from 'node:path';
import { openScope, silentLogger, systemClock } from '@opensandbox/base';
import { buildKubernetes, captureLog, openCluster } from '@opensandbox/testkit';
import type { Cluster, LogCapture } from '@opensandbox/testkit';
import { createResourceCache, isRecord, openApiClient } from '../src/index.ts';
import type { ApiClient, CacheOptions, CacheTiming, ResourceCache } from '../src/index.ts';

export const ROOT = resolve(import.meta.dirname, '../../..');
/** For `expect.poll`: generous, because the machine may be busy. */
export const PATIENT = { timeout: 40_000, interval: 50 };
export const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps' } as const;

export interface Followed<T> extends AsyncDisposable {
  readonly cache: ResourceCache<T>;
  readonly log: LogCapture;
}

export interface FollowWish {
  readonly kubeconfig: string;
  readonly timing?: Partial<CacheTiming>;
  /** Stands around the client of the cache. */
  readonly around?: (client: ApiClient) => ApiClient;
}

/** A cluster whose tokens are known: `guest` has no rights. */
export async function openTestCluster(): Promise<Cluster> {
  const programs = await buildKubernetes(ROOT);
  return openCluster({ programs, tokens: { guest: 'guest-token' } });
}

/** A cache over a real connection, running until it is disposed. Waits are short. */
export function follow<T>(wish: FollowWish, options: Omit<CacheOptions<T>, 'timing'>): Followed<T> {
  const clock = systemClock();
  const log = captureLog();
  const client = openApiClient(
    { source: { from: 'files', paths: [wish.kubeconfig] }, timeoutMs: 20_000 },
    clock,
  );
  const backoff = { firstMs: 50, longestMs: 300, jitter: 0.5 };
  const timing = { backoff, ...wish.timing };
  const around = wish.around ?? ((same: ApiClient) => same);
  const deps = { client: around(client), clock, log, random: Math.random };
  const cache = createResourceCache({ ...options, timing }, deps);
  const scope = openScope(silentLogger);
  scope.own(client);
  scope.run('cache', (signal) => cache.run(signal));
  return { cache, log, [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]() };
}

/** What a test's config map says, by name. */
export function valuesOf(cache: ResourceCache<string>): Readonly<Record<string, string>> {
  return Object.fromEntries([...cache.all()].map(({ name, value }): [string, string] => [name, value]));
}

export const selectValue: CacheOptions<string>['select'] = (object) => {
  const data = object['data'];
  const value = isRecord(data) ? data['value'] : undefined;
  return typeof value === 'string' ? value : undefined;
};

/** Config maps of one namespace, written by somebody else. */
export function writer(cluster: Cluster, namespace: string) {
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  return {
    resource: { ...CONFIG_MAPS, namespace },
    makeNamespace: () => cluster.api('POST', '/api/v1/namespaces', { metadata: { name: namespace } }),
    create: (name: string, value: string) =>
      cluster.api('POST', path, { metadata: { name }, data: { value } }),
    change: (name: string, value: string) =>
      cluster.api(
        'PATCH',
        `${path}/${name}`,
        { data: { value } },
        { contentType: 'application/merge-patch+json' },
      ),
    remove: (name: string) => cluster.api('DELETE', `${path}/${name}`),
  };
}
