import type { Clock, Logger } from '@opensandbox/base';
import { toFault } from '@opensandbox/base';
import type { ApiClient } from './api-client.ts';
import { CACHE_TIMING } from './cache-timing.ts';
import type { CacheTiming } from './cache-timing.ts';
import { follow } from './follow.ts';
import type { Feed } from './follow.ts';
import { createFreshness } from './freshness.ts';
import type { CacheHealth } from './freshness.ts';
import type { Selection } from './list.ts';
import { createObjectStore } from './object-store.ts';
import type { Change, Entry, IndexBy } from './object-store.ts';
import { createPace } from './pace.ts';
import { objectKey, resourceName } from './resource.ts';
import type { KubernetesObject } from './resource.ts';

export interface CacheOptions<T> extends Selection {
  /** What is kept of an object: all else is forgotten at once. Undefined keeps nothing of it. */
  readonly select: (object: KubernetesObject) => T | undefined;
  readonly indexes?: Readonly<Record<string, IndexBy<T>>>;
  readonly timing?: Partial<CacheTiming>;
}

/**
 * All objects of one kind, as the API server told them last. When it is away, what was known stays: an object goes
 * only when the API server says so, by an event or by a whole list without it.
 */
export interface ResourceCache<T> {
  readonly size: number;
  get(place: { readonly namespace?: string; readonly name: string }): Entry<T> | undefined;
  all(): IterableIterator<Entry<T>>;
  find(index: string, name: string): readonly Entry<T>[];
  /**
   * `listener` must not throw. It hears of changes after they are in, of those that the first list brings like of any
   * other, and of everything again at each later list.
   */
  subscribe(listener: (change: Change<T>) => void, signal: AbortSignal): void;
  /** Resolves when everything was listed once. Rejects only when `signal` aborts: see `health` for why it waits. */
  ready(signal: AbortSignal): Promise<void>;
  health(): CacheHealth;
  /** Lists and watches until `signal` aborts. Call it once; never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

export interface CacheDeps {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  /** A number in [0, 1): many caches of one cluster must not move in step. */
  readonly random: () => number;
}

export function createResourceCache<T>(options: CacheOptions<T>, deps: CacheDeps): ResourceCache<T> {
  const timing = { ...CACHE_TIMING, ...options.timing };
  const log = deps.log.child({ resource: resourceName(options.resource) });
  const listeners = new Set<(change: Change<T>) => void>();
  const freshness = createFreshness(deps.clock, log);
  const pace = createPace({ ...timing.backoff, random: deps.random });
  const store = createObjectStore<T>(options.indexes ?? {}, (change) => {
    for (const listener of [...listeners]) listener(change);
  });
  const select = selector(options.select, log);
  const feed: Feed = {
    begin() {
      const next = new Map<string, Entry<T>>();
      return {
        take(object) {
          const entry = select(object);
          if (entry !== undefined) next.set(entry.key, entry);
        },
        done() {
          store.replace(next);
          freshness.listed(store.size);
        },
      };
    },
    apply(event) {
      if (event.type === 'bookmark') return;
      const entry = event.type === 'put' ? select(event.object) : undefined;
      if (entry === undefined) store.remove(objectKey(event.object.metadata));
      else store.put(entry);
    },
  };
  return {
    get size() {
      return store.size;
    },
    get: ({ namespace = '', name }) => store.get(objectKey({ namespace, name })),
    all: () => store.all(),
    find: (index, name) => store.find(index, name),
    subscribe(listener, signal) {
      if (signal.aborted) return;
      listeners.add(listener);
      signal.addEventListener('abort', () => listeners.delete(listener), { once: true });
    },
    ready: (signal) => freshness.firstList(signal),
    health: () => freshness.health(store.size),
    run: (signal) => follow({ ...deps, selection: options, timing, pace, freshness, feed }, signal),
  };
}

/** One object that nobody can read must not hide the others. */
function selector<T>(select: CacheOptions<T>['select'], log: Logger) {
  return (object: KubernetesObject): Entry<T> | undefined => {
    const { name, namespace = '' } = object.metadata;
    try {
      const value = select(object);
      return value === undefined ? undefined : { key: objectKey(object.metadata), namespace, name, value };
    } catch (error) {
      log.warn('kubernetes.object_unreadable', { namespace, name, error: toFault(error) });
      return undefined;
    }
  };
}
