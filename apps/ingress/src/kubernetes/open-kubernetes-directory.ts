import type { Clock, Logger } from '@opensandbox/base';
import { Fault, cancelled, deadline, openScope } from '@opensandbox/base';
import { createResourceCache, openApiClient } from '@opensandbox/kubernetes';
import type {
  CacheTiming,
  ConfigSource,
  KubernetesObject,
  Resource,
  ResourceCache,
} from '@opensandbox/kubernetes';
import type { SandboxDirectory } from '../directory.ts';
import { AGENT_SANDBOXES, agentSandboxNames, readAgentSandbox } from './agent-sandbox.ts';
import { BATCH_SANDBOXES, batchSandboxNames, readBatchSandbox } from './batch-sandbox.ts';
import { BY_NAME, createKubernetesDirectory, watchNames } from './kubernetes-directory.ts';
import type { SeenSandbox } from './seen-sandbox.ts';

export type ProviderType = 'batchsandbox' | 'agent-sandbox';

export interface KubernetesDirectoryOptions {
  readonly provider: ProviderType;
  readonly source: ConfigSource;
  /** All namespaces when absent. */
  readonly namespace?: string;
  readonly timing?: Partial<CacheTiming>;
  /** How long opening waits for the first reading. */
  readonly patienceMs?: number;
}

/** Follows the cluster until it is disposed. */
export interface KubernetesSource extends AsyncDisposable {
  readonly directory: SandboxDirectory;
}

export interface KubernetesSourceDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** A number in [0, 1). */
  readonly random: () => number;
}

interface Provider {
  readonly resource: Resource;
  readonly read: (object: KubernetesObject) => SeenSandbox;
  readonly names: (id: string) => readonly string[];
}

const PROVIDERS: Readonly<Record<ProviderType, Provider>> = {
  batchsandbox: { resource: BATCH_SANDBOXES, read: readBatchSandbox, names: batchSandboxNames },
  'agent-sandbox': { resource: AGENT_SANDBOXES, read: readAgentSandbox, names: agentSandboxNames },
};

const PATIENCE_MS = 10_000;

/**
 * Rejects when the configuration cannot be used. A cluster that is away does not hold up a gateway for long: it starts
 * without, says so on its health route, and goes on trying.
 */
export async function openKubernetesDirectory(
  options: KubernetesDirectoryOptions,
  { clock, log, random }: KubernetesSourceDeps,
  signal: AbortSignal,
): Promise<KubernetesSource> {
  const { resource, read, names } = PROVIDERS[options.provider];
  const { namespace, timing, patienceMs = PATIENCE_MS } = options;
  const scope = openScope(log);
  try {
    const client = scope.own(
      openApiClient({ source: options.source, userAgent: 'opensandbox-ingress' }, clock),
    );
    await client.prepare();
    const cache = createResourceCache<SeenSandbox>(
      {
        resource: namespace === undefined ? resource : { ...resource, namespace },
        select: read,
        indexes: { [BY_NAME]: ({ name }) => [name] },
        ...(timing === undefined ? {} : { timing }),
      },
      { client, clock, log, random },
    );
    watchNames(cache, log, scope.signal);
    scope.run('kubernetes.cache', (stopped) => cache.run(stopped));
    await firstReading(cache, { clock, log, patienceMs }, signal);
    return {
      directory: createKubernetesDirectory({ cache, names }),
      [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}

interface Patience {
  readonly clock: Clock;
  readonly log: Logger;
  readonly patienceMs: number;
}

async function firstReading(
  cache: ResourceCache<SeenSandbox>,
  { clock, log, patienceMs }: Patience,
  signal: AbortSignal,
): Promise<void> {
  const late = new Fault('timeout', 'source.away', 'The cluster was not read in time.');
  using limit = deadline(clock, patienceMs, signal, () => late);
  try {
    await cache.ready(limit.signal);
  } catch {
    if (signal.aborted) throw cancelled(signal);
    log.warn('source.away', { waitedMs: patienceMs, error: cache.health().lastError ?? late });
  }
}
