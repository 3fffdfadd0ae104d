import type { Clock, Logger } from '@opensandbox/base';
import { checkAborted, isFault, retry, sleep } from '@opensandbox/base';
import type { ContainerInspect } from '../engine/answers.ts';
import type { Engine, NewContainer } from '../engine/engine.ts';
import { orAbsent } from '../faults.ts';
import { readLabel } from '../labels.ts';
import { AGENT_DIR, LABEL } from '../names.ts';
import { removeContainer } from '../removal.ts';
import type { Manifest } from './manifest.ts';
import { checkVolume } from './volume-check.ts';

/*
 * A carrier is the container through which an agent volume is written; it is never started. Its name is the lock
 * among all servers on an engine: two must not write the same volume at once.
 *
 * Taking the lock from somebody is safe at any time: the engine removes a container only when no file is being
 * written through it, and afterwards refuses to write. Whoever lost his carrier notices and begins again. So
 * whether the owner is alive is a question of good manners only, and no clock but our own patience is asked.
 */

export const CARRIER_PURPOSE = 'agent-carrier';

/** How long a carrier through which nothing is written may keep us waiting. */
export const PATIENCE_MS = 10_000;
const RETRY_MS = 100;
const DROP_RETRIES = {
  attempts: 4,
  backoff: { firstMs: 250, longestMs: 2_000, jitter: 0, random: () => 0 },
};

export interface CarrierContext {
  readonly engine: Pick<
    Engine,
    | 'createContainer'
    | 'inspectContainer'
    | 'removeContainer'
    | 'waitRemoved'
    | 'listContainers'
    | 'fileSize'
    | 'readArchive'
  >;
  readonly clock: Clock;
  readonly log: Logger;
  readonly instance: string | undefined;
  /** Names this run of the server; it fills a volume at most once at a time. */
  readonly owner: string;
}

export interface CarrierWish {
  readonly volume: string;
  /** Any image that the engine has. */
  readonly image: string;
  /** What the volume must hold, when that is known. */
  readonly manifest: Manifest | undefined;
}

/** The new carrier's id; `undefined` when another server has completed the volume meanwhile. */
export async function takeCarrier(
  context: CarrierContext,
  wish: CarrierWish,
  signal: AbortSignal,
): Promise<string | undefined> {
  const plan = planCarrier(context, wish);
  let watched: string | undefined;
  let waitedMs = 0;
  for (;;) {
    checkAborted(signal);
    const made = await createUnlessTaken(context, plan);
    if (made !== undefined) return made;
    const other = await orAbsent(context.engine.inspectContainer(plan.name, signal));
    if (other !== undefined) {
      const state = isAbandoned(context, other)
        ? 'abandoned'
        : await checkVolume(context.engine, { container: other.Id, manifest: wish.manifest }, signal);
      if (state === 'complete') return undefined;
      // Counted in our own waiting: a clock that is set, here or on the engine's host, changes nothing.
      waitedMs = state === 'busy' || watched !== other.Id ? 0 : waitedMs + RETRY_MS;
      watched = other.Id;
      if (state === 'abandoned' || waitedMs >= PATIENCE_MS) {
        context.log.warn('agent.carrier_taken_over', { container: other.Id, volume: wish.volume, waitedMs });
        await removeContainer(context.engine, other.Id, signal);
        continue;
      }
    }
    await sleep(context.clock, RETRY_MS, signal);
  }
}

/** Never aborted on the wire: the engine would go on, and nobody would know what to remove. */
async function createUnlessTaken(context: CarrierContext, plan: NewContainer): Promise<string | undefined> {
  try {
    return await context.engine.createContainer(plan, new AbortController().signal);
  } catch (error) {
    if (isFault(error, 'conflict')) return undefined;
    throw error;
  }
}

/** Made by this very run, which does not know it: the engine's answer was lost, or it could not be removed. */
function isAbandoned(context: CarrierContext, carrier: ContainerInspect): boolean {
  return readLabel(carrier.Config.Labels ?? {}, LABEL.carrierOwner) === context.owner;
}

function planCarrier(context: CarrierContext, wish: CarrierWish): NewContainer {
  return {
    name: `${wish.volume}-carrier`,
    platform: undefined,
    draft: {
      Image: wish.image,
      Entrypoint: ['/never-started'],
      Cmd: [],
      Labels: {
        [LABEL.auxiliary]: CARRIER_PURPOSE,
        [LABEL.carrierInstance]: context.instance ?? '',
        [LABEL.carrierOwner]: context.owner,
        // An image made from a sandbox carries its id on.
        [LABEL.id]: '',
      },
      // Without `nocopy` the engine would fill an empty volume with what the image holds at that place, and the
      // image is a stranger's: it could plant the agent of every sandbox.
      HostConfig: { NetworkMode: 'none', Binds: [`${wish.volume}:${AGENT_DIR}:nocopy`] },
    },
  };
}

/** Whether somebody took the carrier away. */
export async function isCarrierLost(
  context: CarrierContext,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await orAbsent(context.engine.inspectContainer(id, signal));
  return found === undefined || found.State.Status === 'removing' || found.State.Status === 'dead';
}

/** On a signal of its own: the driver's may be the one that was just aborted. */
export async function dropCarrier(context: CarrierContext, id: string): Promise<void> {
  const { signal } = new AbortController();
  try {
    const remove = (): Promise<void> => removeContainer(context.engine, id, signal);
    await retry({ ...DROP_RETRIES, clock: context.clock }, remove, signal);
  } catch (error) {
    context.log.warn('agent.carrier_left', { container: id, error });
  }
}
