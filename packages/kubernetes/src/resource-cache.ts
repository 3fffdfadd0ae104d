import type { Backoff, Clock, Fault, Logger } from '@opensandbox/base';
import { sleep, toFault } from '@opensandbox/base';
import type { ApiClient } from './api-client.ts';
import { createFreshness } from './freshness.ts';
import type { CacheHealth } from './freshness.ts';
import { listObjects } from './list.ts';
import type { Selection } from './list.ts';
import { createObjectStore } from './object-store.ts';
import type { Change, Entry, IndexBy } from './object-store.ts';
import { createPace } from './pace.ts';
import { objectKey, resourceName } from './resource.ts';
import type { KubernetesObject } from './resource.ts';
import { watchObjects } from './watch.ts';
import type { WatchEvent } from './watch-event.ts';

export interface CacheOptions<T> extends Selection {
  /** What is kept of an object: all else is forgotten at once. Undefined keeps nothing of it. */
  readonly select: (object: KubernetesObject) => T | undefined;
  readonly indexes?: Readonly<Record<string, IndexBy<T>>>;
  readonly timing?: Partial<CacheTiming>;
}

export interface CacheTiming {
  readonly pageSize: number;
  /** How long the API server keeps a watch open, at most: together with the grace, how long silence is believed. */
  readonly watchSeconds: number;
  readonly graceMs: number;
  /** How often everything is listed again, whatever the watches said. */
  readonly resyncMs: number;
  readonly backoff: Backoff;
}

const SHORTEST_WATCH_MS = 1_000;

export const CACHE_TIMING: Omit<CacheTiming, 'backoff'> & { readonly backoff: Omit<Backoff, 'random'> } = {
  pageSize: 500,
  watchSeconds: 50,
  graceMs: 5_000,
  resyncMs: 10 * 60_000,
  backoff: { firstMs: 500, longestMs: 10_000, jitter: 0.5 },
};

/**
 * All objects of one kind, as the API server told them last. When it is away, what was known stays: an object goes
 * only when the API server says so, by an event or by a whole list without it.
 */
export interface ResourceCache<T> {
  readonly size: number;
  get(place: { readonly namespace?: string; readonly name: string }): Entry<T> | undefined;
  all(): IterableIterator<Entry<T>>;
  find(index: string, name: string): readonly Entry<T>[];
  /** `listener` must not throw and hears of changes after they are in; the first list is told like any other. */
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
  const pace = createPace({ random: deps.random, ...timing.backoff });
  const log = deps.log.child({ resource: resourceName(options.resource) });
  const listeners = new Set<(change: Change<T>) => void>();
  const freshness = createFreshness(deps.clock, log);
  const store = createObjectStore<T>(options.indexes ?? {}, (change) => {
    for (const listener of [...listeners]) listener(change);
  });

  function select(object: KubernetesObject): Entry<T> | undefined {
    const { name, namespace = '' } = object.metadata;
    try {
      const value = options.select(object);
      return value === undefined ? undefined : { key: objectKey(object.metadata), namespace, name, value };
    } catch (error) {
      // One object that nobody can read must not hide the others.
      log.warn('kubernetes.object_unreadable', { namespace, name, error: toFault(error) });
      return undefined;
    }
  }

  async function list(signal: AbortSignal): Promise<string> {
    const next = new Map<string, Entry<T>>();
    const take = (object: KubernetesObject): void => {
      const entry = select(object);
      if (entry !== undefined) next.set(entry.key, entry);
    };
    const { pageSize } = timing;
    const restart = (): void => next.clear();
    const version = await listObjects(deps.client, { ...options, pageSize }, { take, restart }, signal);
    store.replace(next);
    freshness.listed(store.size);
    return version;
  }

  function apply(event: WatchEvent): void {
    if (event.type !== 'bookmark') {
      const entry = event.type === 'put' ? select(event.object) : undefined;
      if (entry === undefined) store.remove(objectKey(event.object.metadata));
      else store.put(entry);
    }
    freshness.heard();
  }

  /** One watch. Returns where the next one goes on; rejects when that takes a new list. */
  async function watch(from: string, signal: AbortSignal): Promise<string> {
    let version = from;
    const began = deps.clock.now();
    const seconds = Math.max(1, Math.round(timing.watchSeconds * (0.8 + 0.2 * deps.random())));
    const take = (event: WatchEvent): void => {
      apply(event);
      version = event.version;
      pace.worked();
    };
    try {
      const sink = { opened: () => freshness.heard(), take };
      await watchObjects(deps, { ...options, seconds, graceMs: timing.graceMs, version }, sink, signal);
      // A server that ends every watch at once is not asked in a circle.
      if (deps.clock.now() - began >= SHORTEST_WATCH_MS) pace.worked();
      else await sleep(deps.clock, pace.nextWaitMs(), signal);
    } catch (error) {
      const fault = toFault(error);
      if (signal.aborted || !isAway(fault)) throw fault;
      freshness.failed(fault);
      await sleep(deps.clock, pace.nextWaitMs(fault), signal);
    }
    return version;
  }

  /** A list, then watches, each from where the one before ended, until it is time for the next list. */
  async function follow(signal: AbortSignal): Promise<void> {
    let version = await list(signal);
    const relistAt = deps.clock.now() + timing.resyncMs * (0.75 + 0.5 * deps.random());
    while (deps.clock.now() < relistAt) version = await watch(version, signal);
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await follow(signal);
      } catch (error) {
        if (signal.aborted) return;
        const fault = toFault(error);
        freshness.failed(fault);
        await sleep(deps.clock, pace.nextWaitMs(fault), signal).catch(() => undefined);
      }
    }
  }

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
    run,
  };
}

/** With nobody there, or an overload, the place to go on from stays good; all else needs a new list. */
function isAway({ kind, details }: Fault): boolean {
  return kind === 'unavailable' || (kind === 'timeout' && details?.['status'] === undefined);
}
