import type { FaultCode } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import { MARKER } from './agent/manifest.ts';
import type { Engine, NewContainer } from './engine/engine.ts';
import { orAbsent } from './faults.ts';
import { AGENT_DIR, OWN_SHELL } from './names.ts';

/** What runs the start script: the image's own `/bin/sh`, or the one that the agent brings. */
export type Shell = 'image' | 'agent';

/** What is known of images. An image's id stands for its content, so each needs to be looked into only once. */
export interface Shells {
  /** `undefined` when nobody has looked yet. */
  get(imageId: string): Shell | undefined;
  set(imageId: string, shell: Shell): void;
}

/** To forget one costs a look of some milliseconds. */
const MOST = 1_000;

export function createShells(): Shells {
  const known = new Map<string, Shell>();
  return {
    get: (imageId) => known.get(imageId),
    set(imageId, shell) {
      known.set(imageId, shell);
      const [oldest] = known.keys();
      if (known.size > MOST && oldest !== undefined) known.delete(oldest);
    },
  };
}

interface Start {
  readonly imageId: string;
  readonly shell: Shell;
  readonly container: string;
  readonly plan: NewContainer;
}

/**
 * Whether a container that is not started yet holds the shell that it is to be started with. A start script whose
 * interpreter is missing would start, and end at once with a message that names the script.
 */
export async function hasItsShell(
  context: { readonly engine: Pick<Engine, 'hasFile'>; readonly shells: Shells },
  start: Start,
  signal: AbortSignal,
): Promise<boolean> {
  if (start.shell === 'agent') return true;
  const known = context.shells.get(start.imageId) ?? (await lookForShell(context.engine, start, signal));
  if (known === undefined) return true; // the start shows what is wrong
  context.shells.set(start.imageId, known);
  return known === 'image';
}

/** `undefined`: the engine does not say, or the agent is not there either. */
async function lookForShell(
  engine: Pick<Engine, 'hasFile'>,
  { container, plan }: Start,
  signal: AbortSignal,
): Promise<Shell | undefined> {
  const has = async (path: string): Promise<boolean> => {
    const looking = engine.hasFile(container, path, signal).then(() => true);
    return (await orAbsent(looking)) === true;
  };
  try {
    if (await has('/bin/sh')) return 'image';
    if (await has(OWN_SHELL)) return 'agent';
    if (!(await has(`${AGENT_DIR}/${MARKER}`))) return undefined;
  } catch {
    return undefined; // only a look: whatever stops it stops the start as well, which says so
  }
  throw new Fault(
    'internal',
    'sandbox.start_failed' satisfies FaultCode,
    `The image ${plan.draft.Image} has no /bin/sh, which the agent's start script needs. Use an image that has ` +
      'one, or set runtime.execd_image to "builtin": that agent brings its own.',
  );
}
