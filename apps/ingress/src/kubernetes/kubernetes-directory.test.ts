import type { CacheHealth, Entry } from '@opensandbox/kubernetes';
import { describe, expect, it } from 'vitest';
import { createKubernetesDirectory } from './kubernetes-directory.ts';
import type { SeenSandbox } from './seen-sandbox.ts';

const HEALTH: CacheHealth = {
  isSynced: true,
  ageMs: 0,
  lastSyncAt: 0,
  lastError: undefined,
  objects: 0,
  lists: 1,
};
const ready = (host: string): SeenSandbox => ({ host, problem: '', accessToken: 'secret' });
const entry = (namespace: string, name: string, value = ready('10.0.0.9')): Entry<SeenSandbox> => ({
  key: `${namespace}/${name}`,
  namespace,
  name,
  value,
});

function directory(entries: readonly Entry<SeenSandbox>[], health: Partial<CacheHealth> = {}) {
  const cache = {
    size: entries.length,
    find: (_index: string, name: string) => entries.filter((each) => each.name === name),
    health: () => ({ ...HEALTH, ...health }),
  };
  return createKubernetesDirectory({ cache, names: (id) => [id, `sandbox-${id}`] });
}

const signal = new AbortController().signal;
const find = async (source: ReturnType<typeof directory>, id: string) => source.find(id, signal);

describe('createKubernetesDirectory', () => {
  it('dials every port at the address of the sandbox', async () => {
    const found = await find(directory([entry('n', 'a', ready('fd00::1'))]), 'a');
    expect(found.accessToken).toBe('secret');
    expect(await found.dial(8080, signal)).toEqual({ host: 'fd00::1', port: 8080, basePath: '' });
  });

  it('takes the first name that exists, ready or not', async () => {
    const first = entry('n', 'a', { host: undefined, problem: 'it has not started', accessToken: undefined });
    const source = directory([first, entry('n', 'sandbox-a')]);
    await expect(find(source, 'a')).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'sandbox.not_ready',
      message: 'sandbox not ready: a (it has not started)',
    });
    expect(await find(directory([entry('n', 'sandbox-a')]), 'a')).toMatchObject({
      accessToken: 'secret',
      knownAs: 'sandbox-a',
    });
  });

  it('refuses a name of several namespaces, and tells them to the log only', async () => {
    const refused = find(directory([entry('z', 'a'), entry('b', 'a')]), 'a');
    await expect(refused).rejects.toMatchObject({
      kind: 'conflict',
      code: 'sandbox.ambiguous',
      message: 'ambiguous sandbox id "a" found in multiple namespaces',
      details: { namespaces: ['b', 'z'] },
    });
  });

  it('knows of no sandbox what it has read, and says so where it has read nothing', async () => {
    await expect(find(directory([]), 'a')).rejects.toMatchObject({
      kind: 'not_found',
      code: 'sandbox.not_found',
    });
    const unread = directory([], { isSynced: false, ageMs: Infinity });
    await expect(find(unread, 'a')).rejects.toMatchObject({ kind: 'unavailable', code: 'source.away' });
  });

  it.each([
    [{ isSynced: true, ageMs: 60_000 }, true],
    [{ isSynced: true, ageMs: 200_000 }, false],
    [{ isSynced: false, ageMs: Infinity }, false],
  ])('with %j is fresh: %s', (health, isFresh) => {
    const source = directory([entry('n', 'a')], health);
    expect(source.health()).toEqual({ isFresh, ageMs: health.ageMs, sandboxes: 1 });
  });
});
