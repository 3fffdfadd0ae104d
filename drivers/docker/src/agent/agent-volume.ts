import type { FaultCode } from '@opensandbox/core/ports';
import { abortable, Fault } from '@opensandbox/base';
import type { Engine } from '../engine/engine.ts';
import { named } from '../faults.ts';
import { AGENT_DIR, LABEL } from '../names.ts';
import { packEntries } from './archive.ts';
import type { CarrierContext } from './carrier.ts';
import { dropCarrier, isCarrierLost, takeCarrier } from './carrier.ts';
import type { LayoutEntry } from './layout.ts';
import type { Manifest } from './manifest.ts';
import { manifestOf } from './manifest.ts';
import type { VolumeState } from './volume-check.ts';
import { checkVolume } from './volume-check.ts';

/** What goes into a volume, and through which image's container it gets there. */
export interface VolumeContent {
  readonly name: string;
  readonly version: string;
  /** Any image that the engine has. */
  readonly carrierImage: string;
  /** What the volume must hold; `undefined` when only its marker knows. */
  readonly manifest: Manifest | undefined;
  /** Reads the entries, if need be out of the carrier container. */
  readonly readEntries: (containerId: string, signal: AbortSignal) => Promise<readonly LayoutEntry[]>;
}

/** Disposing it waits for fills that are under way, so that none leaves its carrier. */
export interface AgentVolumes extends AsyncDisposable {
  /** Resolves when the volume is known to be complete. Costs nothing after the first time. */
  ensure(content: VolumeContent, signal: AbortSignal): Promise<void>;
  /** Makes the next `ensure` look again. */
  distrust(name: string): void;
  /** Whether anybody ever asked for this volume. */
  knows(name: string): boolean;
}

export interface AgentVolumeContext extends CarrierContext {
  readonly engine: CarrierContext['engine'] & Pick<Engine, 'createVolume' | 'writeArchive'>;
}

/** How often a fill begins again because another server took its carrier away. */
const ATTEMPTS = 3;
export const AGENT_PURPOSE = 'agent';

/**
 * `life` ends with the driver. A fill that began goes on when its callers leave, and those who come later join it:
 * a carrier that names this run as its owner has no other fill behind it.
 */
export function createAgentVolumes(context: AgentVolumeContext, life: AbortSignal): AgentVolumes {
  const complete = new Set<string>();
  const known = new Set<string>();
  const running = new Map<string, Promise<void>>();

  function start(content: VolumeContent): Promise<void> {
    const filling = fill(context, content, life).then(() => void complete.add(content.name));
    running.set(content.name, filling);
    const forget = (): void => void running.delete(content.name);
    filling.then(forget, forget);
    return filling;
  }

  return {
    async ensure(content, signal) {
      if (complete.has(content.name)) return;
      known.add(content.name);
      await abortable(running.get(content.name) ?? start(content), signal);
    },
    distrust: (name) => void complete.delete(name),
    knows: (name) => known.has(name),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(running.values());
    },
  };
}

async function fill(context: AgentVolumeContext, content: VolumeContent, signal: AbortSignal): Promise<void> {
  const labels = { [LABEL.auxiliary]: AGENT_PURPOSE, 'opensandbox.io/agent-version': content.version };
  await distributing(context.engine.createVolume(content.name, labels, signal));
  const wish = { volume: content.name, image: content.carrierImage, manifest: content.manifest };
  const createFailed = "Failed to create the agent's carrier container";
  for (let attempt = 1; ; attempt += 1) {
    const carrier = await named('agent.start_failed', createFailed, takeCarrier(context, wish, signal));
    if (carrier === undefined) return;
    try {
      await fillThrough(context, { content, carrier }, signal);
      return;
    } catch (error) {
      // When the engine cannot even be asked, the fill's own failure matters more.
      const isLost = await isCarrierLost(context, carrier, signal).catch(() => false);
      if (attempt === ATTEMPTS || !isLost) throw error;
      context.log.warn('agent.carrier_lost', { container: carrier, volume: content.name });
    } finally {
      await dropCarrier(context, carrier);
    }
  }
}

async function fillThrough(
  context: AgentVolumeContext,
  task: { readonly content: VolumeContent; readonly carrier: string },
  signal: AbortSignal,
): Promise<void> {
  const { engine, clock, log } = context;
  const { content, carrier } = task;
  const check = (manifest: Manifest | undefined): Promise<VolumeState> =>
    distributing(checkVolume(engine, { container: carrier, manifest }, signal));
  if ((await check(content.manifest)) === 'complete') return;
  const startedAt = clock.now();
  const entries = await content.readEntries(carrier, signal);
  const tar = packEntries(entries);
  await distributing(engine.writeArchive(carrier, { path: AGENT_DIR, tar }, signal));
  if ((await check(manifestOf(entries))) !== 'complete') {
    throw new Fault(
      'internal',
      'agent.distribution_failed' satisfies FaultCode,
      `The agent's volume ${content.name} is incomplete after it was written.`,
    );
  }
  log.info('agent.distributed', { volume: content.name, durationMs: clock.now() - startedAt });
}

function distributing<T>(work: Promise<T>): Promise<T> {
  return named('agent.distribution_failed', 'Failed to put the agent into its volume', work);
}
