import type { FaultCode } from '@opensandbox/core/ports';
import type { Clock, Logger } from '@opensandbox/base';
import { checkAborted, createSingleFlight, Fault, isFault, sleep } from '@opensandbox/base';
import type { Engine, NewContainer } from '../engine/engine.ts';
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

/** Disposing it waits for fills that are under way, so that none leaves its carrier. */
export interface AgentVolumes extends AsyncDisposable {
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
const CARRIER_STALE_MS = 30_000;
const RETRY_MS = 100;
const CARRIER_PURPOSE = 'agent-carrier';

/**
 * `life` ends with the driver. A fill that began goes on when its callers leave: half of one would keep the
 * carrier's name taken.
 */
export function createAgentVolumes(deps: AgentVolumeDeps, life: AbortSignal): AgentVolumes {
  const complete = new Set<string>();
  const fills = createSingleFlight<string, undefined>();
  const running = new Set<Promise<unknown>>();

  async function fill(content: VolumeContent): Promise<undefined> {
    const labels = { [LABEL.auxiliary]: 'agent', 'opensandbox.io/agent-version': content.version };
    await distributing(deps.engine.createVolume(content.name, labels, life));
    const opening = createCarrier(deps, content, life);
    const carrier = await named(
      'agent.start_failed',
      "Failed to create the agent's carrier container",
      opening,
    );
    if (carrier !== undefined) {
      try {
        await fillThrough(deps, { content, carrier }, life);
      } finally {
        await dropCarrier(deps, carrier);
      }
    }
    complete.add(content.name);
    return undefined;
  }

  function track(work: Promise<undefined>): Promise<undefined> {
    running.add(work);
    const forget = (): void => void running.delete(work);
    work.then(forget, forget);
    return work;
  }

  return {
    async ensure(content, signal) {
      if (complete.has(content.name)) return;
      await fills.run(content.name, () => track(fill(content)), signal);
    },
    distrust: (name) => void complete.delete(name),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(running);
    },
  };
}

/** On a signal of its own: the driver's may be the one that was just aborted. */
async function dropCarrier(deps: AgentVolumeDeps, carrier: string): Promise<void> {
  try {
    await orAlready(deps.engine.removeContainer(carrier, new AbortController().signal));
  } catch (error) {
    deps.log.warn('docker.carrier_left', { container: carrier, error });
  }
}

async function fillThrough(
  deps: AgentVolumeDeps,
  fill: { readonly content: VolumeContent; readonly carrier: string },
  signal: AbortSignal,
): Promise<void> {
  const { content, carrier } = fill;
  if (await isComplete(deps, carrier, signal)) return;
  const startedAt = deps.clock.now();
  const tar = packEntries(await content.readEntries(carrier, signal));
  await distributing(deps.engine.writeArchive(carrier, { path: AGENT_DIR, tar }, signal));
  if (!(await isComplete(deps, carrier, signal))) {
    throw new Fault(
      'internal',
      'agent.distribution_failed' satisfies FaultCode,
      `The agent's volume ${content.name} is incomplete after it was written.`,
    );
  }
  deps.log.info('agent.distributed', { volume: content.name, durationMs: deps.clock.now() - startedAt });
}

async function isComplete(deps: AgentVolumeDeps, carrier: string, signal: AbortSignal): Promise<boolean> {
  const looking = deps.engine.hasFile(carrier, `${AGENT_DIR}/${MARKER}`, signal).then(() => true);
  return (await distributing(orAbsent(looking))) === true;
}

/**
 * Creates the container through which the volume is written; it is never started. Its name is the lock among
 * all servers on this engine: two must not write the same volume at once. `undefined` when another server has
 * completed the volume meanwhile.
 */
async function createCarrier(
  deps: AgentVolumeDeps,
  content: VolumeContent,
  signal: AbortSignal,
): Promise<string | undefined> {
  const name = `${content.name}-carrier`;
  for (;;) {
    checkAborted(signal);
    try {
      // Never aborted on the wire: the engine would go on, and nobody would know what to remove.
      return await deps.engine.createContainer(planCarrier(name, content), new AbortController().signal);
    } catch (error) {
      if (!isFault(error, 'conflict')) throw error;
    }
    const other = await orAbsent(deps.engine.inspectContainer(name, signal));
    if (other !== undefined && (await isComplete(deps, other.Id, signal))) return undefined;
    if (other !== undefined && isStale(deps, readRfc3339(other.Created) ?? 0)) {
      await orAlready(deps.engine.removeContainer(other.Id, signal));
    }
    await sleep(deps.clock, RETRY_MS, signal);
  }
}

function planCarrier(name: string, content: VolumeContent): NewContainer {
  return {
    name,
    platform: undefined,
    draft: {
      Image: content.carrierImage,
      Entrypoint: ['/never-started'],
      Cmd: [],
      // An image made from a sandbox carries its id on.
      Labels: { [LABEL.id]: '', [LABEL.auxiliary]: CARRIER_PURPOSE },
      // Without `nocopy` the engine would fill an empty volume with what the image holds at that place, and the
      // image is a stranger's: it could plant the agent of every sandbox.
      HostConfig: { NetworkMode: 'none', Binds: [`${content.name}:${AGENT_DIR}:nocopy`] },
    },
  };
}

function isStale(deps: AgentVolumeDeps, createdAt: number): boolean {
  return deps.clock.now() - createdAt > CARRIER_STALE_MS;
}

/** Removes carriers that a process left when it died. */
export async function sweepCarriers(deps: AgentVolumeDeps, signal: AbortSignal): Promise<void> {
  const filter = { label: [`${LABEL.auxiliary}=${CARRIER_PURPOSE}`] };
  for (const carrier of await deps.engine.listContainers(filter, signal)) {
    if (isStale(deps, carrier.Created * 1000))
      await orAlready(deps.engine.removeContainer(carrier.Id, signal));
  }
}

function distributing<T>(work: Promise<T>): Promise<T> {
  return named('agent.distribution_failed', 'Failed to put the agent into its volume', work);
}
