import { Fault } from '@opensandbox/base';
import type { Logger } from '@opensandbox/base';
import type { Change, Entry, ResourceCache } from '@opensandbox/kubernetes';
import type { SandboxDirectory, SandboxEntry } from '../directory.ts';
import { sandboxNotFound, sandboxNotReady } from '../server-source/server-faults.ts';
import type { SeenSandbox } from './seen-sandbox.ts';

export const BY_NAME = 'name';
/** Three watches long: longer than that nothing comes from an API server that is well. */
const FRESH_MS = 150_000;
const RETRY_MS = 1_000;

export interface KubernetesDirectoryDeps {
  /** With an index `BY_NAME` of the objects' names. */
  readonly cache: Pick<ResourceCache<SeenSandbox>, 'find' | 'health' | 'size'>;
  /** The names that the object of an id may have; the first one that exists counts. */
  readonly names: (id: string) => readonly string[];
}

/**
 * Finds sandboxes in what was read of the cluster; nothing is asked. While the API server is away, what is known goes
 * on to be used.
 */
export function createKubernetesDirectory({ cache, names }: KubernetesDirectoryDeps): SandboxDirectory {
  function find(id: string): SandboxEntry {
    for (const name of names(id)) {
      const [entry, ...others] = cache.find(BY_NAME, name);
      if (entry === undefined) continue;
      if (others.length > 0) throw ambiguous(id, [entry, ...others]);
      return readEntry(id, entry);
    }
    if (!cache.health().isSynced) throw notRead();
    throw sandboxNotFound(id);
  }

  return {
    find,
    health() {
      const { isSynced, ageMs } = cache.health();
      return { isFresh: isSynced && ageMs <= FRESH_MS, ageMs, sandboxes: cache.size };
    },
  };
}

function readEntry(id: string, { name, value }: Entry<SeenSandbox>): SandboxEntry {
  const { host, problem, accessToken } = value;
  if (host === undefined) throw sandboxNotReady(id, problem);
  return { accessToken, knownAs: name, dial: (port) => ({ host, port, basePath: '' }) };
}

/** Namespaces are for the log: whoever asks needs no credentials to come here. */
function ambiguous(id: string, entries: readonly Entry<SeenSandbox>[]): Fault {
  const namespaces = entries.map(({ namespace }) => namespace).sort();
  const message = `ambiguous sandbox id "${id.replace(/[^\x21-\x7e]/g, '?')}" found in multiple namespaces`;
  return new Fault('conflict', 'sandbox.ambiguous', message, { details: { namespaces } });
}

function notRead(): Fault {
  return new Fault('unavailable', 'source.away', 'the cluster has not been read yet', {
    retryAfterMs: RETRY_MS,
  });
}

/** Says in the log which objects share a name, once when it happens. */
export function watchNames(
  cache: Pick<ResourceCache<SeenSandbox>, 'find' | 'subscribe'>,
  log: Logger,
  signal: AbortSignal,
): void {
  const onChange = (change: Change<SeenSandbox>): void => {
    if (change.type === 'gone' || change.before !== undefined) return;
    const { name } = change.entry;
    const namespaces = cache.find(BY_NAME, name).map(({ namespace }) => namespace);
    if (namespaces.length > 1) log.warn('sandbox.name_ambiguous', { name, namespaces: namespaces.sort() });
  };
  cache.subscribe(onChange, signal);
}
