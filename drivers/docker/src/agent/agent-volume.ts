import type { FaultCode } from '@opensandbox/core/ports';
import type { Clock, Logger } from '@opensandbox/base';
import { createSingleFlight, Fault, isFault, sleep } from '@opensandbox/base';
import type { Engine } from '../engine/engine.ts';
import { named, orAbsent, orAlready } from '../faults.ts';
import { AGENT_DIR, LABEL } from '../names.ts';
import { readRfc3339 } from '../rfc3339.ts';
import { MARKER, packEntries } from './archive.ts';
import type { LayoutEntry } from './layout.ts';

/** What goes into a volume, and through which image's container it gets there. */
export interface VolumeContent {
  readonly name: string;
  readonly version: string;
  /** Any image that the engine has. */
  readonly carrierImage: string;
  /** Reads the entries, if need be out of the carrier container. */
  readonly readEntries: (containerId: string, signal: AbortSignal) => Promise<readonly LayoutEntry[]>;
}

export interface AgentVolumes {
  /** Resolves when the volume is known to be complete. Costs nothing after the first time. */
  ensure(content: VolumeContent, signal: AbortSignal): Promise<void>;
  /** Makes the next `ensure` look again. */
  distrust(name: string): void;
}

export interface AgentVolumeDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A carrier older than this was left by a process that died. */
export const CARRIER_STALE_MS = 120_000;
const RETRY_MS = 100;
const CARRIER_PURPOSE = 'agent-carrier';

/**
 * `life` ends with the driver. A fill that began goes on when its callers leave: half of one would keep the
 * carrier's name taken.
 */
export function createAgentVolumes(deps: AgentVolumeDeps, life: AbortSignal): AgentVolumes {
  const complete = new Set<string>();
  const fills = createSingleFlight<string, undefined>();

  async function fill(content: VolumeContent, signal: AbortSignal): Promise<undefined> {
    const labels = { [LABEL.auxiliary]: 'agent', 'opensandbox.io/agent-version': content.version };
    await distributing(deps.engine.createVolume(content.name, labels, signal));
    const opening = createCarrier(deps, content, signal);
    const carrier = await named(
      'agent.start_failed',
      "Failed to create the agent's carrier container",
      opening,
    );
    try {
      await fillThrough(deps, { content, carrier }, signal);
    } finally {
      // On a signal of its own: the caller's may be the one that was just aborted.
      await orAlready(deps.engine.removeContainer(carrier, new AbortController().signal)).catch(
        (error: unknown) => deps.log.warn('docker.carrier_left', { container: carrier, error }),
      );
    }
    complete.add(content.name);
    return undefined;
  }

  return {
    async ensure(content, signal) {
      if (complete.has(content.name)) return;
      await fills.run(content.name, () => fill(content, life), signal);
    },
    distrust: (name) => void complete.delete(name),
  };
}

async function fillThrough(
  deps: AgentVolumeDeps,
  fill: { readonly content: VolumeContent; readonly carrier: string },
  signal: AbortSignal,
): Promise<void> {
  const { content, carrier } = fill;
  const marker = `${AGENT_DIR}/${MARKER}`;
  const isComplete = (): Promise<true | undefined> =>
    distributing(orAbsent(deps.engine.hasFile(carrier, marker, signal).then(() => true as const)));
  if ((await isComplete()) === true) return;
  const startedAt = deps.clock.now();
  const tar = packEntries(await content.readEntries(carrier, signal));
  await distributing(deps.engine.writeArchive(carrier, { path: AGENT_DIR, tar }, signal));
  if ((await isComplete()) !== true) {
    throw new Fault(
      'internal',
      'agent.distribution_failed' satisfies FaultCode,
      `The agent's volume ${content.name} is incomplete after it was written.`,
    );
  }
  deps.log.info('agent.distributed', { volume: content.name, durationMs: deps.clock.now() - startedAt });
}

/**
 * Creates the container through which the volume is written; it is never started. Its name is the lock among
 * all servers on this engine: two must not write the same volume at once.
 */
async function createCarrier(
  deps: AgentVolumeDeps,
  content: VolumeContent,
  signal: AbortSignal,
): Promise<string> {
  const name = `${content.name}-carrier`;
  for (;;) {
    try {
      return await deps.engine.createContainer(
        {
          name,
          platform: undefined,
          draft: {
            Image: content.carrierImage,
            Entrypoint: ['/never-started'],
            Cmd: [],
            // An image made from a sandbox carries its id on.
            Labels: { [LABEL.id]: '', [LABEL.auxiliary]: CARRIER_PURPOSE },
            HostConfig: { NetworkMode: 'none', Binds: [`${content.name}:${AGENT_DIR}`] },
          },
        },
        signal,
      );
    } catch (error) {
      if (!isFault(error, 'conflict')) throw error;
      await removeStaleCarrier(deps, name, signal);
      await sleep(deps.clock, RETRY_MS, signal);
    }
  }
}

async function removeStaleCarrier(deps: AgentVolumeDeps, name: string, signal: AbortSignal): Promise<void> {
  const other = await orAbsent(deps.engine.inspectContainer(name, signal));
  if (other === undefined) return;
  const createdAt = readRfc3339(other.Created) ?? 0;
  if (deps.clock.now() - createdAt > CARRIER_STALE_MS)
    await orAlready(deps.engine.removeContainer(other.Id, signal));
}

/** Removes carriers that a process left when it died. */
export async function sweepCarriers(deps: AgentVolumeDeps, signal: AbortSignal): Promise<void> {
  const filter = { label: [`${LABEL.auxiliary}=${CARRIER_PURPOSE}`] };
  for (const carrier of await deps.engine.listContainers(filter, signal)) {
    const isStale = deps.clock.now() - carrier.Created * 1000 > CARRIER_STALE_MS;
    if (isStale) await orAlready(deps.engine.removeContainer(carrier.Id, signal));
  }
}

function distributing<T>(work: Promise<T>): Promise<T> {
  return named('agent.distribution_failed', 'Failed to put the agent into its volume', work);
}
